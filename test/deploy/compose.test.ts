import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { freePorts } from '../../src/cli/demo/services.ts';
import { settings } from '../../src/settings.ts';
import { createHome, type Home, runChild } from '../cli/fairlead.ts';
import { envoyPath } from '../envoy.ts';
import { type ServerProcess, startServer as startFairlead } from '../faults/process.ts';
import { freePort, startServer as startRedis } from '../redis.ts';
import { createSite, followed, type Site } from '../server.ts';
import {
  compose,
  folder,
  made,
  mounted,
  network,
  read,
  replicas,
  type Service,
  service,
  services,
} from './compose.ts';
import { deploy, dockerfile, root, stages, words } from './files.ts';

describe('compose.yaml', () => {
  test('names only what is there: files, secrets, volumes and services', () => {
    for (const [name, { volumes = [], secrets = [], depends_on = [], network_mode }] of services) {
      for (const volume of volumes) {
        const [from = ''] = volume.split(':');
        if (!from.startsWith('.')) expect(Object.keys(compose.volumes), name).toContain(from);
        else if (!made.includes(from.slice(2))) expect(existsSync(join(folder, from)), from).toBe(true);
      }
      for (const secret of secrets)
        expect(
          made.map((file) => `./${file}`),
          name,
        ).toContain(compose.secrets[secret]?.file);
      const others = Array.isArray(depends_on) ? depends_on : Object.keys(depends_on);
      const beside = network_mode?.replace('service:', '');
      for (const other of [...others, ...(beside === undefined ? [] : [beside])])
        expect(Object.keys(compose.services), name).toContain(other);
    }
    expect(replicas.length).toBeGreaterThan(1);
    const page = readFileSync(join(root, 'docs/operations.md'), 'utf8');
    for (const file of made) expect(page).toContain(basename(file));
  });

  test('is built without what an operator makes beside it: no secret gets into a layer', () => {
    const unsent = readFileSync(join(deploy, 'docker/Dockerfile.dockerignore'), 'utf8').trim().split('\n');
    const sent = made.filter((file) => !unsent.some((path) => join('deploy/compose', file).startsWith(path)));
    expect(sent).toEqual([]);
  });

  test('has images with a version, and a key for each that the specification knows', () => {
    const known = [
      'image',
      'build',
      'command',
      'restart',
      'stop_grace_period',
      'read_only',
      'tmpfs',
      'cap_drop',
    ]
      .concat(['security_opt', 'mem_limit', 'depends_on', 'secrets', 'volumes', 'ports', 'hostname'])
      .concat(['healthcheck', 'network_mode', 'networks', 'environment', 'init']);
    for (const [name, one] of services) {
      expect(one.image, name).toMatch(/:(distroless-)?v?\d/);
      expect(
        Object.keys(one).filter((key) => !known.includes(key)),
        name,
      ).toEqual([]);
    }
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    for (const [, { image, build }] of replicas) {
      expect(image).toBe(`fairlead:${version}`);
      expect(relative(root, join(folder, build?.context ?? ''))).toBe('');
      expect(existsSync(join(root, build?.dockerfile ?? ''))).toBe(true);
    }
  });

  test('has a replica and its gateway restart without each other: neither owns the network namespace', () => {
    const shared = replicas.map(([, { network_mode }]) => network_mode);
    expect(new Set(shared).size).toBe(replicas.length);
    for (const [name, replica] of replicas) {
      const beside = services.filter(([, one]) => one.network_mode === replica.network_mode);
      expect(beside.map(([name]) => name)).toEqual([name, name.replace('fairlead', 'gateway')]);
      const owner = network(replica);
      expect(owner.image).toContain('/pause:');
      expect(owner.networks?.default?.aliases).toEqual([name]);
      expect(owner.hostname).toBe(name); // A lock is of a host: it has to be the same one after `up` has made the container anew.
      expect(replica.init).toBe(true);
    }
  });

  test('has Envoy read what `fairlead bootstrap` prints, and that Envoy takes it', async () => {
    const args = ['bootstrap', '--type', 'router', '--namespace', 'edge', '--name', 'gateway'];
    const bin = join(root, 'src/cli/bin.mjs');
    const printed = execFileSync(process.execPath, [bin, ...args, '--label', 'app=gateway'], {
      encoding: 'utf8',
    });
    expect(JSON.parse(read('compose/gateway.json'))).toEqual(JSON.parse(printed));
    const envoy = await envoyPath();
    const version = execFileSync(envoy, ['--version'], { encoding: 'utf8' });
    for (const name of ['gateway-1', 'gateway-2']) {
      const { image, command = [] } = service(name);
      expect(version).toContain(`/${image.replace(/^.*-v/, '')}/`);
      const here = command.map((word) => {
        const path = mounted(service(name), word);
        return path === null ? word : join(folder, path);
      });
      execFileSync(envoy, [...here, '--mode', 'validate'], { stdio: 'ignore' });
    }
  });
});

describe('the image', () => {
  const [, image = []] = stages();
  const of = (wanted: string) => image.filter(({ name }) => name === wanted).map(({ rest }) => rest);

  test('runs nothing by a shell, as nobody, and is labelled with what it is', () => {
    for (const { name, rest } of dockerfile())
      if (['RUN', 'CMD', 'ENTRYPOINT'].includes(name)) expect(words(rest).length, rest).toBeGreaterThan(0);
    expect(of('USER')).toEqual(['65532:65532']);
    expect(of('RUN')).toEqual([]);
    const { version, license, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const [from = ''] = of('FROM');
    const labels = Object.fromEntries(
      [...(of('LABEL')[0] ?? '').matchAll(/image\.([a-z.]+)="([^"]*)"/g)].map(([, name, text]) => [
        name,
        text,
      ]),
    );
    expect(labels).toMatchObject({ version, licenses: license, description, 'base.name': from });
  });

  test('sets variables that the program knows, and has its data where a volume is', () => {
    const variables = [...(of('ENV')[0] ?? '').matchAll(/FAIRLEAD_(\w+)=(\S+)/g)];
    const known = Object.keys(settings).map((name) => name.replace(/[A-Z]/g, '_$&').toUpperCase());
    expect(variables.length).toBeGreaterThan(1);
    for (const [, name] of variables) expect([...known, 'CONFIG']).toContain(name);
    expect(of('VOLUME')).toEqual([environment().FAIRLEAD_DATA_DIR]);
    for (const [name, replica] of replicas)
      expect(mounted(replica, environment().FAIRLEAD_DATA_DIR ?? '')).toBe(name);
  });

  /** What the image sets. */
  function environment(): Readonly<Record<string, string>> {
    const pairs = (of('ENV')[0] ?? '').split(/\s+/).map((pair) => pair.split(/=(.*)/).slice(0, 2));
    return Object.fromEntries(pairs);
  }

  describe('as a process, with its environment and its command, the ports and paths of this machine', () => {
    let home: Home;
    let site: Site;
    let redis: Awaited<ReturnType<typeof startRedis>>;
    let flags: readonly string[];
    const running: ServerProcess[] = [];
    beforeAll(async () => {
      [home, site] = await Promise.all([createHome(), createSite()]);
      await home.need('.', process.execPath, join(deploy, 'redis/secrets.mjs'), 'secrets');
      const port = await freePort();
      const { command = [] } = service('redis');
      const [program, conf = ''] = command;
      expect(program).toBe('redis-server');
      const file = join(folder, mounted(service('redis'), conf) ?? '');
      await mkdir(join(home.dir, 'redis'));
      const here = ['--port', String(port), '--bind', '127.0.0.1', '--dir', join(home.dir, 'redis')];
      redis = await startRedis([file, ...here, '--aclfile', join(home.dir, 'secrets/users.acl')]);
      const { repository, pin } = followed(site.config);
      const password = join(home.dir, 'secrets/redis-password');
      const at = ['--redis', `redis://127.0.0.1:${port}/0`, '--redis-password-file', password];
      flags = ['--repository', repository, '--pin', pin, ...at];
    });
    afterAll(async () => {
      await Promise.all(running.map((one) => one.kill('SIGKILL')));
      redis.kill('SIGKILL');
      await once(redis, 'exit');
      await Promise.all([home.close(), site.close()]);
    });

    /** The variables of a replica, its configuration where it is on this machine. */
    function variables(replica: Service): Readonly<Record<string, string>> {
      const { FAIRLEAD_CONFIG = '', ...rest } = environment();
      const config = mounted(replica, FAIRLEAD_CONFIG);
      expect(config).not.toBeNull();
      return { ...rest, ...replica.environment, FAIRLEAD_CONFIG: join(folder, config ?? '') };
    }

    test('is told by file and environment what its neighbours are called', async () => {
      for (const [, replica] of replicas) {
        const bin = [join(root, 'src/cli/bin.mjs'), ...(replica.command ?? []), '--print-config'];
        const { code, out, err } = await runChild(process.execPath, bin, {
          cwd: home.dir,
          environment: { ...home.environment, ...variables(replica) },
        });
        expect({ code, err }).toEqual({ code: 0, err: '' });
        const config = parse(out);
        const [, host = ''] = /^redis:\/\/([^:]+):6379\/0$/.exec(config.redis) ?? [];
        expect(Object.keys(compose.services)).toContain(host);
        expect(replica.secrets?.map((name) => `/run/secrets/${name}`)).toContain(config.redisPasswordFile);
        expect(of('EXPOSE')).toEqual([config.http.replace('0.0.0.0:', '')]);
        expect(network(replica).ports?.some((port) => port.endsWith(`:${of('EXPOSE')[0]}`))).toBe(true);
        const { socket_address } = JSON.parse(read('compose/gateway.json')).static_resources.clusters[0]
          .load_assignment.endpoints[0].lb_endpoints[0].endpoint.address;
        expect(config.xds).toBe(`${socket_address.address}:${socket_address.port_value}`);
        expect(mounted(replica, '/etc/fairlead/pin.json')).toBe('./pin.json');
      }
    });

    test('check --pre finds nothing wrong, and each replica serves with that Redis and is healthy', async () => {
      const [, args = ''] = /CMD (.*)$/.exec(of('HEALTHCHECK')[0] ?? '') ?? [];
      const [, script = ''] = words(args);
      const probe = script.replace('/opt/fairlead', root);
      const start = async (name: string, replica: Service) => {
        const [xds = 0, http = 0] = await freePorts(2);
        const ports = ['--xds', `127.0.0.1:${xds}`, '--http', `127.0.0.1:${http}`];
        const own = [...flags, ...ports, '--data-dir', join(home.dir, name)];
        const env = { ...home.environment, ...variables(replica) };
        const bin = join(root, 'src/cli/bin.mjs');
        const pre = await runChild(process.execPath, [bin, 'check', '--pre', '-o', 'json', ...own], {
          cwd: home.dir,
          environment: env,
        });
        const { checks } = JSON.parse(pre.out) as { checks: { check: string; state: string }[] };
        expect(checks.filter(({ state }) => state !== 'ok')).toEqual([]);
        const server = `http://127.0.0.1:${http}`;
        const ask = () => runChild(process.execPath, [probe, server], { cwd: home.dir, environment: env });
        expect(await ask()).toMatchObject({ code: 1 });
        running.push(startFairlead({ flags: own, log: join(home.dir, `${name}.log`), environment: env }));
        // It would say "without Redis", and why, for as long as that has not answered yet.
        const healthy = { code: 0, out: expect.stringMatching(/"message": ?"what was verified is served"/) };
        await expect.poll(ask).toMatchObject(healthy);
        const { scrape_configs } = parse(read('prometheus/prometheus.yaml'));
        const answer = await fetch(`${server}${scrape_configs[0].metrics_path}`);
        expect(await answer.text()).toContain('fairlead_build_info{');
      };
      await Promise.all(replicas.map(([name, replica]) => start(name, replica)));
    });
  });
});

describe('what watches it', () => {
  const prometheus = () => parse(read('prometheus/prometheus.yaml'));

  test('promtool takes the configuration with the files that are mounted beside it', async () => {
    const home = await createHome();
    try {
      const one = service('prometheus');
      const config = one.command?.[0]?.replace('--config.file=', '') ?? '';
      for (const name of [basename(config), ...prometheus().rule_files]) {
        const file = mounted(one, join('/etc/prometheus', name));
        expect(file, name).not.toBeNull();
        await cp(join(folder, file ?? ''), join(home.dir, name));
      }
      const said = await home.need('.', 'promtool', 'check', 'config', basename(config));
      expect(said).toContain('rules found');
    } finally {
      await home.close();
    }
  });

  test('each replica is scraped at its port, and Grafana asks that Prometheus', () => {
    const [{ static_configs, job_name }] = prometheus().scrape_configs;
    // Prometheus' own label, in the one alert that asks for it.
    expect(read('prometheus/alerts.yaml')).toContain(`up{job="${job_name}"}`);
    const [, image = []] = stages();
    const port = image.find(({ name }) => name === 'EXPOSE')?.rest;
    expect(static_configs[0].targets).toEqual(replicas.map(([name]) => `${name}:${port}`));
    const source = parse(read('compose/grafana/provisioning/datasources/prometheus.yaml')).datasources[0];
    const { hostname, port: asked } = new URL(source.url);
    expect(service(hostname).ports?.some((port) => port.endsWith(`:${asked}`))).toBe(true);
    expect(service('grafana').secrets?.map((name) => `/run/secrets/${name}`)).toContain(
      service('grafana').environment?.GF_SECURITY_ADMIN_PASSWORD__FILE,
    );
  });

  test('every dashboard is where Grafana looks', () => {
    const { providers } = parse(read('compose/grafana/provisioning/dashboards/fairlead.yaml'));
    const there = join(folder, mounted(service('grafana'), providers[0].options.path) ?? '');
    expect(relative(deploy, there)).toBe('grafana');
    expect(readdirSync(there).length).toBeGreaterThan(1);
    expect(mounted(service('grafana'), '/etc/grafana/provisioning')).toBe('./grafana/provisioning');
  });
});

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchDump } from '../../src/cli/proxy/dump.ts';
import { fetchConfig, findProxy } from '../../src/cli/proxy/find.ts';
import type { Server } from '../../src/main.ts';
import { tcpYaml } from '../e2e/mesh.ts';
import { createStage, type Envoy, proxyWhen, type Stage, serving } from '../e2e/stage.ts';
import { createHome, type Home, type Ran } from './fairlead.ts';

let home: Home;
beforeAll(async () => {
  home = await createHome();
});
afterAll(() => home.close());

/** The rows of a table as lists of cells. */
function rows(out: string): readonly (readonly string[])[] {
  return out.split('\n\n').flatMap((part) =>
    part
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(/ {2,}/)),
  );
}

describe('of a running server and its Envoy', () => {
  let stage: Stage;
  let server: Server;
  let envoy: Envoy;
  let address: string;
  beforeAll(async () => {
    stage = await createStage();
    server = await stage.serve();
    envoy = await stage.envoy(server);
    await envoy.ready;
    await proxyWhen(server, envoy.nodeId, ({ fullyAcked }) => fullyAcked !== null);
    address = `http://127.0.0.1:${server.httpPort}`;
  });
  afterAll(() => stage.close());

  const pc = (...args: readonly string[]) => home.fairlead('.', 'pc', ...args, '--server', address);

  test('the server sent exactly what the Envoy has', async () => {
    const sent = await fetchConfig(address, 'web-1');
    const { resources } = await fetchDump(await envoy.admin());
    // An Envoy counts the empty list of a cluster that is no EDS cluster as endpoints, too.
    const names = (all: typeof resources) =>
      all
        .filter(({ kind, name, state }) => state !== 'static' && (kind !== 'endpoint' || name.includes('|')))
        .map(({ kind, name }) => `${kind} ${name}`)
        .sort();
    expect(names(resources)).toEqual(names(sent.resources));
    expect(sent).toMatchObject({ proxy: envoy.nodeId });
    expect(new Set(sent.resources.map(({ state }) => state))).toEqual(new Set(['SYNCED']));
  });

  test('clusters come with the scope, the file and the line that made them', async () => {
    const { code, out } = await pc('cluster', 'web-1.demo', '--fqdn', 'echo.demo', '--subset', 'v1');
    expect(code).toBe(0);
    const expected = ['echo.demo.svc.cluster.local', '80', 'v1', 'outbound', 'EDS', 'echo.demo', 'acme'];
    expect(rows(out)).toEqual([[...expected, expect.stringMatching(/^echo\.yaml:\d+$/)]]);
  });

  test.each([
    ['c', ['--direction', 'outbound'], ' outbound '],
    ['r', ['--name', 'http_proxy', '-o', 'wide'], ' SYNCED '],
    ['l', ['--type', 'http'], ' Route: http_proxy'],
    ['ep', ['--cluster', 'outbound|80|v2|echo.demo.svc.cluster.local'], '|v2|'],
    ['a', [], 'SERVICE FQDN'],
  ])('%s of the server and of the Envoy itself', async (kind, filters, text) => {
    const asked = await pc(kind, 'web-1', ...filters);
    const own = await home.fairlead('.', 'pc', kind, '--admin', await envoy.admin(), ...filters);
    expect([asked.code, own.code]).toEqual([0, 0]);
    expect(asked.out).toContain(text);
    expect(own.out.replace(' active ', ' SYNCED ')).toContain(text);
  });

  test('each route names its virtual service, with file and line', async () => {
    const { out } = await pc('route', 'web-1', '--fqdn', 'echo.demo');
    expect(out).toContain('  echo.demo  ');
    expect(out).toMatch(/ acme +routes\.yaml:\d+\n/);
  });

  test('JSON says what it is, and holds what was asked for', async () => {
    const { out } = await pc('endpoint', 'web-1', '-o', 'json', '--status', 'unhealthy');
    expect(JSON.parse(out)).toEqual({
      apiVersion: 'fairlead.dev/v1alpha1',
      kind: 'ProxyConfig',
      proxy: envoy.nodeId,
      items: [],
    });
  });

  test('what the Envoy was started with', async () => {
    const { code, out } = await home.fairlead('.', 'pc', 'b', '--admin', await envoy.admin());
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ node: { id: envoy.nodeId } });
    const unknown = await pc('bootstrap', 'web-1');
    expect(unknown).toMatchObject({ code: 2, err: expect.stringContaining('[bootstrap-unknown]') });
  });

  test('a proxy that is not connected is an error, with the nearest name', async () => {
    const { code, err } = await pc('cluster', 'wbe-1');
    expect(code).toBe(2);
    expect(err).toMatch(/\[proxy-unknown\]\n {2}fix: did you mean web-1\?\n/);
  });

  test('what an Envoy refuses is named with its words, and the code is 1', async () => {
    const taken = createTcpServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    await stage.mesh.write('mesh/tcp.yaml', tcpYaml((taken.address() as AddressInfo).port));
    await stage.mesh.push('tcp', 'alice');
    await serving(server, await stage.mesh.approve());
    await proxyWhen(server, envoy.nodeId, ({ rejected }) => rejected.length > 0);
    const { code, out } = await pc('listener', 'web-1');
    expect(code).toBe(1);
    taken.close();
    expect(out).toMatch(/\nlistener 127\.0\.0\.1_\d+: ERROR: /);
    expect(out).toContain('cannot bind');
  });
});

describe('of a dump', () => {
  const golden = (name: string) =>
    JSON.parse(
      readFileSync(join(import.meta.dirname, `../golden/translate/canary/${name}.json`), 'utf8'),
    ) as Readonly<Record<'clusters' | 'endpoints' | 'listeners' | 'routes', readonly object[]>>;

  beforeAll(async () => {
    const { clusters, endpoints, listeners, routes } = golden('shop-client');
    const section = (name: string, fields: object) => ({
      '@type': `type.googleapis.com/envoy.admin.v3.${name}ConfigDump`,
      ...fields,
    });
    const configs = [
      section('Clusters', { dynamic_active_clusters: clusters.map((cluster) => ({ cluster })) }),
      section('Endpoints', {
        dynamic_endpoint_configs: endpoints.map((endpoint_config) => ({ endpoint_config })),
      }),
      section('Listeners', {
        dynamic_listeners: listeners.map((listener) => ({ active_state: { listener } })),
      }),
      section('Routes', { dynamic_route_configs: routes.map((route_config) => ({ route_config })) }),
      section('Secrets', {}),
    ];
    await home.write('dump.json', JSON.stringify({ configs }));
  });

  const pc = (...args: readonly string[]): Promise<Ran> =>
    home.fairlead('.', 'proxy-config', ...args, '--file', 'dump.json');

  test.each([
    ['cluster', ['--port', '9000'], 3],
    ['cluster', ['--direction', 'INBOUND'], 1],
    ['cluster', ['--fqdn', 'payments', '--subset', 'v2'], 2],
    ['listener', ['--type', 'TCP'], 1],
    ['listener', ['--address', '127.0.0.2', '--port', '8080'], 1],
    ['route', ['--fqdn', 'cart.shop'], 1],
    ['endpoint', ['--address', '127.0.0.4'], 4],
    ['endpoint', ['--fqdn', 'db.shop'], 1],
    ['endpoint', ['--port', '5432', '--status', 'healthy'], 1],
  ])('%s %j: %i rows', async (kind, filters, count) => {
    const { code, out } = await pc(kind, ...filters);
    expect(code).toBe(0);
    expect(rows(out)).toHaveLength(count);
  });

  test.each([
    ['c', 'SERVICE FQDN  PORT  SUBSET  DIRECTION  TYPE  DESTINATION RULE'],
    ['ep', 'ENDPOINT  STATUS  OUTLIER CHECK  CLUSTER  LOCALITY  WEIGHT'],
    ['l', 'ADDRESSES  PORT  MATCH  DESTINATION'],
    ['r', 'NAME  VHOST NAME  DOMAINS  MATCH  VIRTUAL SERVICE  DESTINATION'],
    ['s', 'RESOURCE NAME  TYPE  STATUS  VALID CERT  SERIAL NUMBER  NOT AFTER  NOT BEFORE'],
    ['ec', 'NAME'],
  ])("%s has istioctl's columns, and then ours", async (kind, columns) => {
    const { code, out } = await pc(kind, '-o', 'short');
    expect(code).toBe(0);
    const head = (out.split('\n')[0] ?? '').split(/ {2,}/).join('  ');
    expect(head).toBe(`${columns}  SCOPE  SOURCE`);
  });

  test('all has the filters that several kinds have', async () => {
    const { code, out } = await pc('all', '--fqdn', 'db.shop', '--port', '5432', '-o', 'json');
    const { items } = JSON.parse(out);
    const named = items.map(({ kind, name }: { kind: string; name: string }) => `${kind} ${name}`);
    expect({ code, named }).toEqual({
      code: 0,
      named: [
        'cluster outbound|5432||db.shop.svc.cluster.local',
        'endpoint outbound|5432||db.shop.svc.cluster.local',
        expect.stringMatching(/^listener .*5432/),
      ],
    });
  });

  test('routes show match, weights and the document', async () => {
    const { out } = await pc('route', '--fqdn', 'payments.svc:9000');
    const canary = rows(out).at(-1);
    expect(canary?.slice(2, 6)).toEqual([
      'api.payments.svc.cluster.local:9000, api.payments.svc:9000 + 1 more...',
      '/*',
      'api.payments',
      'outbound|80|v1|api.payments.svc.cluster.local (90), outbound|80|v2|api.payments.svc.cluster.local (10)',
    ]);
    expect(canary?.slice(6)).toEqual(['acme.payments', 'VirtualService/payments/api']);
  });

  test.each([
    ['no JSON', 'dump', '[dump-unreadable]'],
    ['something else', '{"configs": 1}', '[dump-unreadable]'],
    ['an empty dump', '{"configs": []}', null],
    [
      'odd shapes',
      '{"configs": [null, {"@type": "a.ClustersConfigDump", "static_clusters": [1, {}]}]}',
      null,
    ],
  ])('%s', async (_, text, error) => {
    await home.write('odd.json', text);
    const { code, err } = await home.fairlead('.', 'pc', 'all', '-f', 'odd.json');
    if (error === null) expect({ code, err }).toEqual({ code: 0, err: '' });
    else expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(error) });
  });

  test.each([
    ['a file that is not there', ['cluster', '-f', 'none.json'], 2],
    ['nobody at the admin address', ['cluster', '--admin', '127.0.0.1:1'], 2],
    ['no address', ['cluster', '--admin', 'http://'], 2],
    ['a dump without a bootstrap', ['bootstrap', '-f', 'dump.json'], 2],
    ['no proxy', ['cluster'], 64],
    ['a file and an address', ['cluster', '-f', 'dump.json', '--admin', ':1'], 64],
    ['a filter of another kind', ['route', 'web', '--subset', 'v1'], 64],
    ['no such kind', ['nonsense', 'web'], 64],
  ])('%s is an error', async (_, args, code) => {
    const ran = await home.fairlead('.', 'pc', ...args);
    expect(ran).toMatchObject({ code, out: '' });
    expect(ran.err).toMatch(/^error: /);
  });

  test('words of others move no cursor', async () => {
    const cluster = { name: 'outbound|80||\u001b[2J\u001b]0;x\u0007' };
    const configs = [{ '@type': 'a.ClustersConfigDump', static_clusters: [{ cluster }] }];
    await home.write('hostile.json', JSON.stringify({ configs }));
    const { out } = await home.fairlead('.', 'pc', 'cluster', '-f', 'hostile.json');
    expect(out).toContain('?[2J');
    expect(out.replace(/[^\P{C}\n]/gu, '')).toBe(out);
  });
});

describe('of an Envoy whose configuration is from elsewhere', () => {
  const KEY = 'c2VjcmV0IGtleQ==';
  const chain = (match: object, filter: string, config: object) => ({
    filter_chain_match: match,
    filters: [{ typed_config: { '@type': `type.googleapis.com/${filter}`, ...config } }],
  });
  const istio = (kind: string, name: string) => ({
    filter_metadata: { istio: { config: `/apis/networking.istio.io/v1/namespaces/shop/${kind}/${name}` } },
  });
  const socket = (address: string, port_value: number) => ({ socket_address: { address, port_value } });
  const CLUSTER = 'outbound|80||cart.shop.svc.cluster.local';
  const answers: Record<string, object> = {
    '/clusters?format=json': {
      cluster_statuses: [
        {
          name: CLUSTER,
          host_statuses: [
            { address: socket('10.0.0.1', 80), health_status: { eds_health_status: 'HEALTHY' } },
            { address: socket('10.0.0.2', 80), health_status: { failed_outlier_check: true } },
          ],
        },
      ],
    },
  };
  let admin: string;
  let close: () => void;
  beforeAll(async () => {
    const certificate = await home.need(
      '.',
      'openssl',
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', 'ca.key', '-subj', '/CN=ca', '-set_serial', '0x1f2e', '-days', '1'],
    );
    const bytes = Buffer.from(certificate).toString('base64');
    const section = (name: string, fields: object) => ({
      '@type': `t/envoy.admin.v3.${name}ConfigDump`,
      ...fields,
    });
    const tls = { certificate_chain: { inline_bytes: bytes }, private_key: { inline_bytes: KEY } };
    const hcm = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
    const tcp = 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';
    const match = { prefix: '/' };
    const inline = { virtual_hosts: [{ routes: [{ match, route: { cluster: 'inbound|80||' } }] }] };
    const listener = {
      address: socket('0.0.0.0', 15006),
      additional_addresses: [{ address: socket('::', 15006) }],
      filter_chains: [
        chain({ destination_port: 15006 }, tcp, { cluster: 'BlackHoleCluster' }),
        chain(
          { application_protocols: ['http/1.0', 'http/1.1', 'h2c'], transport_protocol: 'raw_buffer' },
          hcm,
          {
            route_config: inline,
          },
        ),
        chain(
          { server_names: ['a.example'], prefix_ranges: [{ address_prefix: '10.1.0.0', prefix_len: 16 }] },
          tcp,
          {
            cluster: CLUSTER,
          },
        ),
      ],
      default_filter_chain: chain({}, tcp, { cluster: 'PassthroughCluster' }),
    };
    const route = (more: object, where: object) => ({ match: where, route: { cluster: CLUSTER }, ...more });
    const domains = ['cart', 'cart:80', 'cart.shop', 'cart.shop.svc'];
    const routes = [
      route({ metadata: istio('virtual-service', 'cart') }, { path_separated_prefix: '/a' }),
      route({}, { safe_regex: { regex: '/b.*' }, headers: [{ name: 'x', string_match: { exact: 'y' } }] }),
    ];
    answers['/config_dump?include_eds'] = {
      configs: [
        section('Clusters', {
          dynamic_active_clusters: [
            { cluster: { name: CLUSTER, type: 'EDS', metadata: istio('destination-rule', 'cart') } },
          ],
        }),
        section('Endpoints', {
          dynamic_endpoint_configs: [
            {
              endpoint_config: {
                cluster_name: CLUSTER,
                endpoints: [
                  {
                    locality: { region: 'eu', zone: 'a' },
                    lb_endpoints: [1, 2].map((at) => ({ endpoint: { address: socket(`10.0.0.${at}`, 80) } })),
                  },
                ],
              },
            },
          ],
        }),
        section('Listeners', { dynamic_listeners: [{ active_state: { listener } }] }),
        section('Routes', {
          dynamic_route_configs: [
            { route_config: { name: '80', virtual_hosts: [{ name: 'cart:80', domains, routes }] } },
          ],
        }),
        section('Secrets', {
          dynamic_active_secrets: [{ name: 'default', secret: { name: 'default', tls_certificate: tls } }],
          dynamic_warming_secrets: [{ name: 'file-root:odd', secret: { name: 'file-root:odd' } }],
        }),
        section('Ecds', { ecds_filters: [{ ecds_filter: { name: 'shop.limit', typed_config: {} } }] }),
      ],
    };
    const server = createHttpServer((request, response) => {
      response.end(JSON.stringify(answers[request.url ?? ''] ?? {}));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    admin = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    close = () => server.close();
  });
  afterAll(() => close());

  const shown = async (...args: readonly string[]) =>
    rows((await home.fairlead('.', 'pc', ...args, '--admin', admin)).out);

  test('what Istio says a resource is from', async () => {
    const name = 'cart.shop.svc.cluster.local';
    expect(await shown('c')).toEqual([[name, '80', '-', 'outbound', 'EDS', 'cart.shop', '-', '-']]);
  });

  test('which endpoints its outlier detection has ejected', async () => {
    expect(await shown('ep')).toEqual([
      ['10.0.0.1:80', 'HEALTHY', 'OK', CLUSTER, 'eu/a', '1', '-', '-'],
      ['10.0.0.2:80', 'HEALTHY', 'FAILED', CLUSTER, 'eu/a', '1', '-', '-'],
    ]);
  });

  test('how connections are told apart', async () => {
    const cells = await shown('l', '--address', '::');
    expect(cells.map((row) => row.slice(0, 4))).toEqual([
      ['0.0.0.0,::', '15006', 'Addr: *:15006', 'BlackHoleCluster'],
      ['0.0.0.0,::', '15006', 'Trans: raw_buffer; App: HTTP', 'Cluster: inbound|80||'],
      ['0.0.0.0,::', '15006', 'SNI: a.example; Addr: 10.1.0.0/16', `Cluster: ${CLUSTER}`],
      ['0.0.0.0,::', '15006', 'ALL', 'PassthroughCluster'],
    ]);
  });

  test('how requests are', async () => {
    expect((await shown('r')).map((row) => row.slice(0, 5))).toEqual([
      ['80', 'cart:80', 'cart, cart.shop + 1 more...', 'PathPrefix:/a', 'cart.shop'],
      ['80', 'cart:80', 'cart, cart.shop + 1 more...', 'regex /b.* x=y', CLUSTER],
    ]);
  });

  test('certificates, and never a key', async () => {
    const [own, other] = await shown('s');
    expect(own?.slice(0, 5)).toEqual(['default', 'Cert Chain', 'ACTIVE', 'true', '1f2e']);
    expect(other?.slice(0, 3)).toEqual(['file-root:odd', 'WARMING', 'false']);
    const { out } = await home.fairlead('.', 'pc', 'all', '--admin', admin, '-o', 'json');
    expect(out).toContain('certificate_chain');
    expect(out).not.toContain(KEY);
  });

  test('filters that it discovered', async () => {
    expect(await shown('ecds')).toEqual([['shop.limit', '-', '-']]);
  });

  test.each([
    [['--direction', 'inbound'], 'cluster', 0],
    [['--subset', 'v1'], 'cluster', 0],
    [['--type', 'HTTP'], 'listener', 1],
    [['--name', '81'], 'route', 0],
    [['--name', '80'], 'route', 1],
  ])('all %j', async (filters, kind, count) => {
    const { out } = await home.fairlead('.', 'pc', 'all', '--admin', admin, ...filters, '-o', 'json');
    const { items } = JSON.parse(out);
    expect(items.filter((item: { kind: string }) => item.kind === kind)).toHaveLength(count);
  });
});

describe('findProxy', () => {
  const id = (name: string, ip = '10.0.0.1') => `sidecar~${ip}~${name}~shop.svc.cluster.local`;
  const all = [id('web-1.shop'), id('web-2.shop'), id('api-1.shop')];

  test.each([
    ['web-1.shop', id('web-1.shop')],
    ['web-2', id('web-2.shop')],
    ['a', id('api-1.shop')],
    [id('web-2.shop'), id('web-2.shop')],
  ])('%s', (wanted, found) => {
    expect(findProxy(all, wanted)).toBe(found);
  });

  test('prefers a whole name to the beginning of others', () => {
    expect(findProxy([id('web.shop'), id('web.shop-eu')], 'web.shop')).toBe(id('web.shop'));
  });

  test.each([
    ['web', 'proxy-ambiguous', 'web-1.shop, web-2.shop', 'more'],
    ['wbe-1', 'proxy-unknown', 'wbe-1', 'did you mean web-1?'],
    ['something-else', 'proxy-unknown', 'something-else', 'proxy-status'],
  ])('%s: %s', (wanted, code, message, fix) => {
    expect(() => findProxy(all, wanted)).toThrow(
      expect.objectContaining({
        code,
        message: expect.stringContaining(message),
        fix: expect.stringContaining(fix),
      }),
    );
  });

  test('two proxies of one name are told apart by their ids', () => {
    const twins = [id('web.shop'), id('web.shop', '10.0.0.2')];
    expect(() => findProxy(twins, 'web.shop')).toThrow(
      expect.objectContaining({ code: 'proxy-ambiguous', message: expect.stringContaining('10.0.0.2') }),
    );
  });
});

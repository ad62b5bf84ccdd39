import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { bound, istio, service, workload } from '../mesh/manifests.ts';
import { createAuthority } from './certificates.ts';
import { run } from './running.ts';
import { Stand } from './stand.ts';
import { jsonOf, proxyAt, snapshotOf } from './world.ts';

/** What a MeshConfig says of paths, connections and encryption where nobody says more, through real Envoys. */

const acme = (files: string) => ({ path: 'acme', files });
const host = (name: string) => `${name}.shop.svc.cluster.local`;
const meshConfig = (spec: string) =>
  `apiVersion: mesh.istio.io/v1alpha1\nkind: MeshConfig\nmetadata: {name: mesh}\nspec: {${spec}}\n---\n`;
const cartAt = (port: number) =>
  service('cart', 'shop') + workload('cart', 'shop', '127.0.0.1', 'app: cart', `, ports: {http: ${port}}`);
const rule = (more: string, name = host('cart')) =>
  istio('DestinationRule', 'r', 'shop', `{host: ${name}, trafficPolicy: {${more}}}`);
const outbound = `outbound|80||${host('cart')}`;
const clusterOf = (files: string) =>
  jsonOf(snapshotOf(proxyAt('10.0.0.1', 'web'), acme(service('cart', 'shop') + files)), 'clusters', outbound);

describe('pathNormalization', () => {
  test('paths reach the application as they are, normal, with slashes merged, or decoded and merged', async () => {
    await using stand = new Stand();
    const port = await stand.backend('', '127.0.0.1', ({ url }, response) => response.end(url));
    const pathAt = async (said: string) => {
      const client = await stand.client('web', [acme(cartAt(port) + said)]);
      return (await client.ask(host('cart'), { path: '/a/../b//c%2Fd' })).body;
    };
    const of = (normalization: string) => pathAt(meshConfig(`pathNormalization: {${normalization}}`));
    expect(await pathAt('')).toBe('/b//c%2Fd');
    expect(await of('')).toBe('/b//c%2Fd');
    expect(await of('normalization: NONE')).toBe('/a/../b//c%2Fd');
    expect(await of('normalization: BASE')).toBe('/b//c%2Fd');
    expect(await of('normalization: MERGE_SLASHES')).toBe('/b/c%2Fd');
    expect(await of('normalization: DECODE_AND_MERGE_SLASHES')).toBe('/b/c/d');
  });

  test('routes see what it makes of a path, at a gateway, too', async () => {
    await using stand = new Stand();
    const http = '[{match: [{uri: {exact: /a/b}}], directResponse: {status: 418}}]';
    const statusOf = async (said: string) => {
      const [port = 0] = await freePorts(1);
      const gateway = `{servers: [{port: {number: ${port}, name: http, protocol: HTTP}, hosts: ["*"]}]}`;
      const files =
        istio('Gateway', 'edge', 'edge', gateway) + bound('x', 'shop', 'a.example', '[edge/edge]', http);
      const snapshot = snapshotOf(proxyAt('127.0.0.1', 'edge', {}, 'router'), acme(files + said));
      const envoy = await run(snapshot, port);
      stand.defer(() => envoy.close());
      return (await envoy.ask('a.example', { path: '/a//b' })).status;
    };
    expect(await statusOf('')).toBe(404);
    expect(await statusOf(meshConfig('pathNormalization: {normalization: MERGE_SLASHES}'))).toBe(418);
  });
});

describe('tcpKeepalive', () => {
  test('idle connections are probed by the kernel, and a rule says what it says over it', async () => {
    await using stand = new Stand();
    const port = await stand.backend('cart');
    const said = meshConfig('tcpKeepalive: {time: 40s, interval: 7s}');
    const client = await stand.client('web', [acme(cartAt(port) + said)]);
    await client.ask(host('cart'));
    expect(await probesTo(port)).toHaveLength(1);
    expect((await probesTo(port)).every((seconds) => seconds <= 40)).toBe(true);
    const other = await stand.backend('other');
    const silent = await stand.client('web', [acme(cartAt(other))]);
    await silent.ask(host('cart'));
    expect(await probesTo(other)).toEqual([]);
    const own = rule('connectionPool: {tcp: {tcpKeepalive: {time: 9s}}}');
    expect(clusterOf(said + own).upstream_connection_options).toEqual({
      tcp_keepalive: { keepalive_time: 9, keepalive_interval: 7 },
    });
  });

  /** Seconds until the next probe of each connection to a port, by the kernel's own table (proc(5)). */
  async function probesTo(port: number): Promise<readonly number[]> {
    const remote = `:${port.toString(16).toUpperCase().padStart(4, '0')} 01 `;
    const lines = (await readFile('/proc/net/tcp', 'utf8'))
      .split('\n')
      .filter((line) => line.includes(remote));
    return lines.flatMap((line) => {
      const [, jiffies = ''] = / 02:([0-9A-F]{8}) /.exec(line) ?? [];
      return jiffies === '' ? [] : [Number.parseInt(jiffies, 16) / 100];
    });
  }
});

test('h2UpgradePolicy: HTTP/2 to what declares HTTP, unless a rule says otherwise', async () => {
  await using stand = new Stand();
  const server = createHttp2Server((request, response) => response.end(request.httpVersion));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stand.defer(async () => {
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const upgrading = meshConfig('h2UpgradePolicy: UPGRADE');
  const answer = async (files: string) => {
    const client = await stand.client('web', [acme(cartAt(port) + files)]);
    const { status, body } = await client.ask(host('cart'));
    return status === 200 ? body : status;
  };
  const own = (policy: string) => rule(`connectionPool: {http: {h2UpgradePolicy: ${policy}}}`);
  expect(await answer(upgrading)).toBe('2.0');
  expect(await answer(upgrading + own('DEFAULT'))).toBe('2.0');
  expect(await answer(meshConfig('h2UpgradePolicy: DO_NOT_UPGRADE') + own('UPGRADE'))).toBe('2.0');
  expect(await answer('')).toBe(502);
  expect(await answer(upgrading + own('DO_NOT_UPGRADE'))).toBe(502);
});

test('dnsRefreshRate: how often a host is looked up', async () => {
  await using stand = new Stand();
  const port = await stand.backend('api');
  const spec = `{hosts: [api.example], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP, targetPort: ${port}}], endpoints: [{address: localhost}]}`;
  const files = istio('ServiceEntry', 'api', 'shop', spec);
  const client = await stand.client('web', [acme(files + meshConfig('dnsRefreshRate: 0.02s'))]);
  expect((await client.ask('api.example')).body).toBe('api');
  const attempts = () => client.stat('cluster.outbound|80||api.example.update_attempt');
  await expect.poll(attempts).toBeGreaterThan(5);
  const heard = (said: string) => snapshotOf(proxyAt('10.0.0.1', 'web'), acme(files + said));
  const rateOf = (said: string) =>
    jsonOf(heard(said), 'clusters', 'outbound|80||api.example').dns_refresh_rate;
  expect([rateOf(''), rateOf(meshConfig('dnsRefreshRate: 5s'))]).toEqual(['60s', '5s']);
});

describe('defaultTrafficPolicy', () => {
  test('connectionPool: for what has none of its own', async () => {
    await using stand = new Stand();
    const ports = new Set<number>();
    const port = await stand.backend('', '127.0.0.1', ({ socket }, response) => {
      ports.add(socket.remotePort ?? 0);
      response.end();
    });
    const connections = async (files: string) => {
      ports.clear();
      const client = await stand.client('web', [acme(cartAt(port) + files)]);
      for (let asked = 0; asked < 3; asked++) expect((await client.ask(host('cart'))).status).toBe(200);
      return ports.size;
    };
    const said = meshConfig('defaultTrafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: 1}}}');
    expect(await connections('')).toBe(1);
    expect(await connections(said)).toBe(3);
    expect(await connections(said + rule('loadBalancer: {simple: RANDOM}'))).toBe(3);
    expect(await connections(said + rule('connectionPool: {http: {maxRetries: 1}}'))).toBe(1);
  });

  test('outlierDetection: likewise', async () => {
    await using stand = new Stand();
    const port = await stand.backend('', '127.0.0.1', (_, response) => response.writeHead(503).end());
    const said = meshConfig(
      'defaultTrafficPolicy: {outlierDetection: {consecutive5xxErrors: 1, interval: 0.05s, maxEjectionPercent: 100}}',
    );
    const client = await stand.client('web', [acme(cartAt(port) + said)]);
    await client.ask(host('cart'));
    const ejections = () => client.stat(`cluster.${outbound}.outlier_detection.ejections_active`);
    await expect.poll(ejections).toBe(1);
    expect(clusterOf(said + rule('outlierDetection: {consecutive5xxErrors: 9}')).outlier_detection).toEqual({
      consecutive_5xx: 9,
      enforcing_consecutive_5xx: 100,
      enforcing_success_rate: 0,
    });
  });

  test('it is no limit of the proxy in front of an application', () => {
    const said = meshConfig('defaultTrafficPolicy: {connectionPool: {tcp: {maxConnections: 7}}}');
    const files =
      service('cart', 'shop') + workload('cart', 'shop', '10.0.0.1', 'app: cart', ', ports: {http: 8080}');
    const heard = snapshotOf(proxyAt('10.0.0.1', 'shop'), acme(files + said));
    const limitOf = (name: string) =>
      JSON.stringify(jsonOf(heard, 'clusters', name).circuit_breakers).includes('"max_connections":7');
    expect([limitOf(outbound), limitOf('inbound|8080||')]).toEqual([true, false]);
  });
});

test('verifyCertificateAtClient: what a policy does not say of servers is checked, or not', async () => {
  await using stand = new Stand();
  const authority = await createAuthority();
  stand.defer(() => authority.remove());
  const server = createHttpsServer(await authority.issue('other.example'), (_, response) => response.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stand.defer(async () => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const statusOf = async (tls: string, verify: boolean) => {
    const files = rule(`tls: {mode: SIMPLE${tls}}`) + meshConfig(`verifyCertificateAtClient: ${verify}`);
    const client = await stand.client('web', [acme(cartAt(port) + files)]);
    return (await client.ask(host('cart'))).status;
  };
  const ca = `, caCertificates: ${authority.caFile}`;
  expect(await statusOf('', true)).toBe(503);
  expect(await statusOf('', false)).toBe(200);
  expect(await statusOf(ca, true)).toBe(503);
  expect(await statusOf(ca, false)).toBe(200);
  expect(await statusOf(`${ca}, subjectAltNames: [cart.example]`, false)).toBe(503);
});

describe('tlsDefaults', () => {
  /** What is agreed on with a gateway whose server says `own` and whose mesh says `said`; or why nothing is. */
  async function agreed(stand: Stand, own: string, said: string, caller: object): Promise<string> {
    const authority = await createAuthority();
    stand.defer(() => authority.remove());
    const { certFile, keyFile } = await authority.issue('www.example', 'rsa');
    const [port = 0] = await freePorts(1);
    const tls = `{mode: SIMPLE, serverCertificate: ${certFile}, privateKey: ${keyFile}${own}}`;
    const gateway = `{servers: [{port: {number: ${port}, name: https, protocol: HTTPS}, hosts: ["*"], tls: ${tls}}]}`;
    const files =
      istio('Gateway', 'edge', 'edge', gateway) + (said === '' ? '' : meshConfig(`tlsDefaults: {${said}}`));
    const envoy = await run(snapshotOf(proxyAt('127.0.0.1', 'edge', {}, 'router'), acme(files)), port);
    stand.defer(() => envoy.close());
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...caller });
    const end = new Promise<string>((resolve) => {
      socket.on('error', () => resolve('nothing'));
      socket.on('secureConnect', () => resolve(textOf(socket)));
    });
    const text = await end;
    socket.destroy();
    return text;
  }
  const textOf = (socket: TLSSocket) => `${socket.getProtocol()} ${socket.getCipher().name}`;
  const old = { maxVersion: 'TLSv1.2' };
  const cipher = 'ECDHE-RSA-AES256-GCM-SHA384';

  test('minProtocolVersion, cipherSuites and ecdhCurves of gateways that say nothing', async () => {
    await using stand = new Stand();
    expect(await agreed(stand, '', '', old)).toMatch(/^TLSv1.2/);
    expect(await agreed(stand, '', 'minProtocolVersion: TLSV1_3', old)).toBe('nothing');
    expect(await agreed(stand, '', `cipherSuites: [${cipher}]`, old)).toBe(`TLSv1.2 ${cipher}`);
    const curve = { ecdhCurve: 'prime256v1' };
    expect(await agreed(stand, '', 'ecdhCurves: [P-384]', curve)).toBe('nothing');
    expect(await agreed(stand, '', 'ecdhCurves: [P-384, P-256]', curve)).toMatch(/^TLSv1.3/);
  });

  test('what a server says itself counts', async () => {
    await using stand = new Stand();
    const own = `, minProtocolVersion: TLSV1_2, cipherSuites: [${cipher}]`;
    const said = 'minProtocolVersion: TLSV1_3, cipherSuites: [ECDHE-RSA-AES128-GCM-SHA256]';
    expect(await agreed(stand, own, said, old)).toBe(`TLSv1.2 ${cipher}`);
  });

  test('clients that encrypt as a rule says hold to it, too', () => {
    const said = meshConfig('tlsDefaults: {minProtocolVersion: TLSV1_3, ecdhCurves: [X25519]}');
    const socket = JSON.stringify(clusterOf(said + rule('tls: {mode: SIMPLE}')).transport_socket);
    expect(socket).toContain(
      '"tls_params":{"tls_minimum_protocol_version":"TLSv1_3","ecdh_curves":["X25519"]}',
    );
  });
});

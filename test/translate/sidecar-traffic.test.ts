import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { entry, istio, routes, service, subsets, to, workload } from '../mesh/manifests.ts';
import { createAuthority } from './certificates.ts';
import { validate } from './envoy.ts';
import { Stand } from './stand.ts';
import { staticBootstrap } from './static.ts';
import { jsonOf, namesOf, proxyAt, snapshotOf } from './world.ts';

/** What Sidecars let requests do, through real Envoys. */

const acme = (files: string) => ({ path: 'acme', files });
const sidecar = (namespace: string, spec: string) => istio('Sidecar', 'limits', namespace, `{${spec}}`);
const host = (name: string, namespace = 'shop') => `${name}.${namespace}.svc.cluster.local`;
const serving = (name: string, namespace: string, port: number) =>
  service(name, namespace) +
  workload(name, namespace, '127.0.0.1', `app: ${name}, version: v1`, `, ports: {http: ${port}}`);

test('egress: what is imported answers, what is not is unknown', async () => {
  await using stand = new Stand();
  const files =
    serving('cart', 'shop', await stand.backend('cart')) +
    serving('pay', 'money', await stand.backend('pay')) +
    sidecar('web', 'egress: [{hosts: ["shop/*"]}]') +
    sidecar('money', `egress: [{hosts: ["*/${host('cart')}", "./*"]}]`) +
    sidecar('ops', 'egress: [{hosts: ["~/*"]}]');
  const status = async (namespace: string) => {
    const client = await stand.client(namespace, [acme(files)]);
    return [(await client.ask(host('cart'))).status, (await client.ask(host('pay', 'money'))).status];
  };
  expect(await status('web')).toEqual([200, 503]);
  expect(await status('money')).toEqual([200, 200]);
  expect(await status('ops')).toEqual([503, 503]);
  expect(await status('other')).toEqual([200, 200]);
});

test('egress: what is left out is unknown, though it is included', async () => {
  await using stand = new Stand();
  const files =
    serving('cart', 'shop', await stand.backend('cart')) +
    serving('next', 'shop', await stand.backend('next')) +
    serving('pay', 'money', await stand.backend('pay')) +
    sidecar('web', 'egress: [{hosts: ["*/*", "~money/*"]}]') +
    sidecar('ops', `egress: [{hosts: ["*/*", "~shop/${host('next')}"]}]`) +
    sidecar('lab', `egress: [{hosts: ["*/*", "~/${host('pay', 'money')}", "~./*"]}]`);
  const seen = async (namespace: string) => {
    const client = await stand.client(namespace, [acme(files)]);
    const hosts = [host('cart'), host('next'), host('pay', 'money')];
    return Promise.all(hosts.map(async (name) => (await client.ask(name)).status));
  };
  expect(await seen('web')).toEqual([200, 200, 503]);
  expect(await seen('ops')).toEqual([200, 503, 200]);
  expect(await seen('lab')).toEqual([200, 200, 503]);
});

test('egress: an imported VirtualService leads to what is not imported itself', async () => {
  await using stand = new Stand();
  const files =
    serving('cart', 'shop', await stand.backend('cart')) +
    serving('next', 'hidden', await stand.backend('next')) +
    subsets('next', 'hidden', 'next', 'v1') +
    routes('cart', 'shop', 'cart', to(host('next', 'hidden'), ', subset: v1')) +
    sidecar('web', 'egress: [{hosts: ["shop/*"]}]');
  const client = await stand.client('web', [acme(files)]);
  expect((await client.ask(host('cart'))).body).toBe('next');
  expect((await client.ask(host('next', 'hidden'))).status).toBe(503);
});

test('egress: a listener of a port is for that port alone', async () => {
  await using stand = new Stand();
  const [one, two] = [await stand.backend('one'), await stand.backend('two')];
  const ports = '[{name: http, port: 80}, {name: http-more, port: 81}]';
  const files =
    service('cart', 'shop', '', ports) +
    workload('cart', 'shop', '127.0.0.1', 'app: cart', `, ports: {http: ${one}, http-more: ${two}}`) +
    sidecar(
      'web',
      `egress: [{port: {number: 81, name: http, protocol: HTTP}, hosts: ["~/*"]}, {hosts: ["*/*"]}]`,
    ) +
    sidecar('ops', `egress: [{port: {number: 81, name: http, protocol: HTTP}, hosts: ["*/*"]}]`);
  const answers = async (namespace: string) => {
    const client = await stand.client(namespace, [acme(files)]);
    return [(await client.ask(`${host('cart')}:80`)).body, (await client.ask(`${host('cart')}:81`)).body];
  };
  expect((await answers('web'))[0]).toBe('one');
  expect((await answers('web'))[1]).not.toBe('two');
  expect((await answers('ops'))[0]).not.toBe('one');
  expect((await answers('ops'))[1]).toBe('two');
});

test('REGISTRY_ONLY: unknown hosts are answered 502, known ones as ever', async () => {
  await using stand = new Stand();
  const files =
    serving('cart', 'shop', await stand.backend('cart')) +
    sidecar('web', 'outboundTrafficPolicy: {mode: REGISTRY_ONLY}');
  const client = await stand.client('web', [acme(files)]);
  expect((await client.ask('unknown.example')).status).toBe(502);
  expect((await client.ask(host('cart'))).body).toBe('cart');
});

test('REGISTRY_ONLY, captured: nothing passes on but to endpoints that are known', async () => {
  const headless = service('db', 'shop', ', clusterIP: None', '[{name: tcp, port: 5432}]');
  const files =
    headless +
    workload('db', 'shop', '10.2.0.1', 'app: db') +
    entry('api', 'shop', 'api.example') +
    sidecar('web', 'outboundTrafficPolicy: {mode: REGISTRY_ONLY}');
  const captured = { FAIRLEAD: { capture: 'redirect' } };
  const limited = snapshotOf(proxyAt('10.0.0.1', 'web', captured), acme(files));
  const text = JSON.stringify([
    jsonOf(limited, 'listeners', 'virtualOutbound'),
    jsonOf(limited, 'listeners', '0.0.0.0_80'),
    jsonOf(limited, 'routes', '80'),
  ]);
  expect(text).not.toContain('PassthroughCluster');
  expect(text).toContain('block_all');
  expect(JSON.stringify(jsonOf(limited, 'listeners', '10.2.0.1_5432'))).toContain('PassthroughCluster');
  const free = snapshotOf(proxyAt('10.0.0.1', 'ops', captured), acme(files));
  expect(namesOf(free, 'listeners')).not.toContain('10.2.0.1_5432');
  expect(await validate(staticBootstrap(limited))).toBe('OK');
});

test('ingress: the application is where the Sidecar says, at a port or a socket', async () => {
  await using stand = new Stand();
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-socket-'));
  try {
    const path = join(folder, 'app.sock');
    await stand.socket('socket', path);
    const application = await stand.backend('application');
    const [first = 0, second = 0] = await freePorts(2);
    const ingress = [
      `{port: {number: ${first}, name: http, protocol: HTTP}, bind: 127.0.0.1, defaultEndpoint: "127.0.0.1:${application}"}`,
      `{port: {number: ${second}, name: http, protocol: HTTP}, bind: 127.0.0.1, captureMode: NONE, defaultEndpoint: "unix://${path}"}`,
    ];
    const files =
      service('cart', 'shop') +
      workload('cart', 'shop', '127.0.0.2', 'app: cart') +
      sidecar('shop', `workloadSelector: {labels: {app: cart}}, ingress: [${ingress.join(', ')}]`);
    await stand.client('shop', [acme(files)], { ip: '127.0.0.2', labels: { app: 'cart' } });
    const ask = async (port: number) => (await fetch(`http://127.0.0.1:${port}/`)).text();
    expect([await ask(first), await ask(second)]).toEqual(['application', 'socket']);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('ingress, captured: in place of what the services say, and nothing without one', async () => {
  const ingress =
    'ingress: [{port: {number: 9080, protocol: HTTP}, defaultEndpoint: "0.0.0.0:8080"}, {port: {number: 9090, protocol: TCP}, captureMode: NONE}]';
  const files = (namespace: string) =>
    service('cart', 'shop') + workload('cart', 'shop', '10.0.0.1', 'app: cart') + sidecar(namespace, ingress);
  const heard = (namespace: string) =>
    snapshotOf(proxyAt('10.0.0.1', namespace, { FAIRLEAD: { capture: 'redirect' } }), acme(files(namespace)));
  const shop = heard('shop');
  expect(namesOf(shop, 'clusters').filter((name) => name.startsWith('inbound'))).toEqual([
    'inbound|9080||',
    'inbound|9090||',
  ]);
  expect(JSON.stringify(jsonOf(shop, 'clusters', 'inbound|9080||'))).toContain(
    '"address":"10.0.0.1","port_value":8080',
  );
  expect(namesOf(shop, 'listeners')).toContain('10.0.0.1_9090');
  expect(await validate(staticBootstrap(shop))).toBe('OK');
  expect(namesOf(heard('web'), 'clusters').filter((name) => name.startsWith('inbound'))).toEqual([]);
});

test('REGISTRY_ONLY of the MeshConfig, and its time to connect', async () => {
  await using stand = new Stand();
  const files =
    serving('cart', 'shop', await stand.backend('cart')) +
    'apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec:\n  meshConfig: {connectTimeout: 0.3s, outboundTrafficPolicy: {mode: REGISTRY_ONLY}}\n';
  const client = await stand.client('web', [acme(files)]);
  expect((await client.ask('unknown.example')).status).toBe(502);
  expect((await client.ask(host('cart'))).body).toBe('cart');
  const heard = snapshotOf(proxyAt('10.0.0.1', 'web'), acme(files));
  expect(jsonOf(heard, 'clusters', `outbound|80||${host('cart')}`).connect_timeout).toBe('0.3s');
});

test('egressProxy: what nobody defines goes through another service', async () => {
  await using stand = new Stand();
  const proxy = await stand.backend('', '127.0.0.1', ({ headers }, response) =>
    response.end(`proxy to ${headers.host}`),
  );
  const through = (mode: string) =>
    sidecar(
      'web',
      `egress: [{hosts: ["./*"]}], outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: ${mode}}`,
    );
  const files = serving('proxy', 'shop', proxy) + serving('cart', 'web', await stand.backend('cart'));
  const ask = async (egressProxy: string, name: string) => {
    const client = await stand.client('web', [acme(files + through(egressProxy))]);
    return client.ask(name);
  };
  const good = `{host: ${host('proxy')}, port: {number: 80}}`;
  expect((await ask(good, 'unknown.example')).body).toBe('proxy to unknown.example');
  expect((await ask(good, host('cart', 'web'))).body).toBe('cart');
  const bad = '{host: nobody.example}';
  expect((await ask(bad, 'unknown.example')).status).toBe(503);
  const { skipped } = snapshotOf(proxyAt('10.0.0.1', 'web'), acme(files + through(bad)));
  expect(skipped.map(({ reason }) => reason)).toEqual(['the proxy sees no nobody.example, its egressProxy']);
  const part = subsets('proxy', 'shop', 'proxy', 'v1', 'v2');
  const ofPart = async (name: string) => {
    const more = `{host: ${host('proxy')}, subset: ${name}}`;
    return (await stand.client('web', [acme(files + part + through(more))])).ask('unknown.example');
  };
  expect([(await ofPart('v1')).status, (await ofPart('v2')).status]).toEqual([200, 503]);
  const captured = { FAIRLEAD: { capture: 'redirect' } };
  const heard = snapshotOf(proxyAt('10.0.0.1', 'web', captured), acme(files + through(good)));
  expect(JSON.stringify(jsonOf(heard, 'listeners', 'virtualOutbound'))).toContain(
    `outbound|80||${host('proxy')}`,
  );
  expect(await validate(staticBootstrap(heard))).toBe('OK');
});

test('egress: listeners that applications call themselves, at an address or a socket', async () => {
  await using stand = new Stand();
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-socket-'));
  try {
    const path = join(folder, 'out.sock');
    const [first = 0, second = 0] = await freePorts(2);
    const port = `, ports: {http: ${await stand.backend('cart')}, tcp: ${await stand.speaker('db')}}`;
    const files =
      service('cart', 'shop', '', `[{name: http, port: ${first}}, {name: tcp, port: ${second}}]`) +
      workload('cart', 'shop', '127.0.0.1', 'app: cart', port) +
      service('other', 'web', '', `[{name: http, port: ${first}}]`) +
      sidecar(
        'web',
        `egress: [{port: {number: ${first}, name: http, protocol: HTTP}, captureMode: NONE, hosts: ["shop/*"]}, {port: {number: 9, name: http2, protocol: HTTP}, bind: "unix://${path}", hosts: ["shop/*"]}, {port: {number: ${second}, name: tcp, protocol: TCP}, bind: 127.0.0.3, hosts: ["shop/*"]}, {hosts: ["web/*"]}]`,
      );
    const client = await stand.client('web', [acme(files)]);
    const called = (name: string) => call({ host: '127.0.0.1', port: first }, name);
    expect(await called(host('cart'))).toEqual([200, 'cart']);
    expect(await called(host('other', 'web'))).toEqual([503, expect.anything()]);
    expect((await client.ask(`${host('cart')}:${first}`)).body).toBe('cart');
    expect((await call({ socketPath: path }, 'unknown.example'))[0]).toBe(503);
    expect(await bytesAt('127.0.0.3', second)).toBe('db');
    const captured = snapshotOf(
      proxyAt('10.0.0.1', 'web', { FAIRLEAD: { capture: 'redirect' } }),
      acme(files),
    );
    const names = namesOf(captured, 'listeners');
    expect(names).toEqual(expect.arrayContaining([`127.0.0.1_${first}`, `127.0.0.3_${second}`, path]));
    expect(names).not.toContain(`0.0.0.0_${first}`);
    expect(jsonOf(captured, 'listeners', `127.0.0.1_${first}`).bind_to_port).toBeUndefined();
    expect(jsonOf(captured, 'listeners', `127.0.0.3_${second}`).bind_to_port).toBe(false);
    expect(await validate(staticBootstrap(captured))).toBe('OK');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('ingress: TLS ends at the proxy, as the Sidecar says', async () => {
  await using stand = new Stand();
  await using open = new AsyncDisposableStack();
  const authority = await createAuthority();
  open.defer(() => authority.remove());
  const [own, client] = [await authority.issue('cart.example'), await authority.issue('client')];
  const application = await stand.backend('application');
  const [simple = 0, mutual = 0, secret = 0] = await freePorts(3);
  const identity = `serverCertificate: ${own.certFile}, privateKey: ${own.keyFile}`;
  const at = (port: number, tls: string) =>
    `{port: {number: ${port}, name: https, protocol: HTTPS}, bind: 127.0.0.1, tls: ${tls}, defaultEndpoint: "127.0.0.1:${application}"}`;
  const ingress = [
    at(simple, `{mode: SIMPLE, ${identity}}`),
    at(mutual, `{mode: MUTUAL, ${identity}, caCertificates: ${authority.caFile}}`),
    at(secret, '{mode: SIMPLE, credentialName: nobody-has-it}'),
  ];
  const files =
    service('cart', 'shop') +
    workload('cart', 'shop', '127.0.0.2', 'app: cart') +
    sidecar('shop', `ingress: [${ingress.join(', ')}]`);
  await stand.client('shop', [acme(files)], { ip: '127.0.0.2' });
  const ask = (port: number, more: object = {}) =>
    secureCall({ host: '127.0.0.1', port, servername: 'cart.example', ca: authority.ca, ...more });
  expect(await ask(simple)).toBe('application');
  await expect(ask(mutual)).rejects.toThrow();
  expect(await ask(mutual, { cert: client.cert, key: client.key })).toBe('application');
  await expect(ask(secret)).rejects.toThrow();
  await expect(call({ host: '127.0.0.1', port: simple }, 'cart.example')).rejects.toThrow();
  const captured = { FAIRLEAD: { capture: 'redirect' } };
  const heard = snapshotOf(proxyAt('127.0.0.2', 'shop', captured), acme(files));
  expect(heard.skipped).toMatchObject([{ reason: expect.stringContaining('nobody-has-it') }]);
  expect(await validate(staticBootstrap(heard))).toBe('OK');
});

test('ingress: the connections to the application, of one port and of all', async () => {
  await using stand = new Stand();
  const application = await stand.backend('', '127.0.0.1', ({ socket }, response) =>
    response.end(String(socket.remotePort)),
  );
  const [first = 0, second = 0] = await freePorts(2);
  const at = (port: number, more = '') =>
    `{port: {number: ${port}, name: http, protocol: HTTP}, bind: 127.0.0.1, defaultEndpoint: "127.0.0.1:${application}"${more}}`;
  const many = ', connectionPool: {http: {maxRequestsPerConnection: 100}}';
  const files =
    service('cart', 'shop') +
    workload('cart', 'shop', '127.0.0.2', 'app: cart') +
    sidecar(
      'shop',
      `inboundConnectionPool: {http: {maxRequestsPerConnection: 1}}, ingress: [${at(first)}, ${at(second, many)}]`,
    );
  await stand.client('shop', [acme(files)], { ip: '127.0.0.2' });
  const connections = async (port: number) => {
    const seen = new Set<string>();
    for (let count = 0; count < 4; count++) seen.add((await call({ host: '127.0.0.1', port }, 'cart'))[1]);
    return seen.size;
  };
  expect([await connections(first), await connections(second)]).toEqual([4, 1]);
});

type Where = { readonly host: string; readonly port: number } | { readonly socketPath: string };

/** One request to a listener of a proxy: its status and its body. */
function call(where: Where, name: string): Promise<readonly [number, string]> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...where, headers: { host: name }, agent: false }, async (response) => {
      resolve([response.statusCode ?? 0, await text(response)]);
    });
    sent.on('error', reject).end();
  });
}

function secureCall(options: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = secureRequest({ ...options, agent: false }, async (response) => {
      resolve(await text(response));
    });
    sent.on('error', reject).end();
  });
}

/** All that a server says to whoever connects. */
function bytesAt(address: string, port: number): Promise<string> {
  return text(connect(port, address));
}

test('ingress: at the addresses of both families', async () => {
  await using stand = new Stand();
  const port = await stand.backend('application');
  const ports = `[{name: http, port: 80, targetPort: ${port}}]`;
  const files = service('cart', 'shop', '', ports) + workload('cart', 'shop', '127.0.0.2', 'app: cart');
  await stand.client('shop', [acme(files)], { ip: '127.0.0.2', more: { INSTANCE_IPS: '127.0.0.2,::1' } });
  const [first] = await call({ host: '127.0.0.2', port }, 'cart');
  const [second] = await call({ host: '::1', port }, 'cart');
  expect([first, second]).toEqual([200, 200]);
});

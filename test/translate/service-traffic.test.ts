import { type RequestListener, request } from 'node:http';
import { expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { bound, gateway, istio, routes, service, to, workload } from '../mesh/manifests.ts';
import type { Running } from './running.ts';
import { Stand } from './stand.ts';
import { jsonOf, proxyAt, snapshotOf } from './world.ts';

/** What Services and ServiceEntries say of where they are and how they are called, through real Envoys. */

const acme = (files: string) => ({ path: 'acme', files });
const cart = 'cart.shop.svc.cluster.local';

async function bodies(running: Running, count: number): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (let index = 0; index < count; index++) found.add((await running.ask(cart)).body);
  return found;
}

test('ExternalName: the other host, at the port of the Service', async () => {
  await using stand = new Stand();
  const port = await stand.backend('external');
  const files = service(
    'cart',
    'shop',
    ', type: ExternalName, externalName: localhost',
    `[{name: http, port: ${port}}]`,
  );
  const client = await stand.client('web', [acme(files)]);
  expect((await client.ask(`${cart}:${port}`)).body).toBe('external');
});

test('DNS_ROUND_ROBIN: one name, for each connection', async () => {
  await using stand = new Stand();
  const port = await stand.backend('looked up');
  const spec = `{hosts: [api.example], location: MESH_EXTERNAL, resolution: DNS_ROUND_ROBIN, ports: [{number: 80, name: http, protocol: HTTP, targetPort: ${port}}], endpoints: [{address: localhost}]}`;
  const client = await stand.client('web', [acme(istio('ServiceEntry', 'api', 'web', spec))]);
  expect((await client.ask('api.example')).body).toBe('looked up');
});

test('sessionAffinity: one client, one endpoint, unless a rule says otherwise', async () => {
  await using stand = new Stand();
  const ports = [await stand.backend('a'), await stand.backend('b'), await stand.backend('c')];
  const files =
    service('cart', 'shop', ', sessionAffinity: ClientIP') +
    ports
      .map((port, index) =>
        workload(`c${index}`, 'shop', '127.0.0.1', 'app: cart', `, ports: {http: ${port}}`),
      )
      .join('');
  expect((await bodies(await stand.client('web', [acme(files)]), 12)).size).toBe(1);
  const rule = istio(
    'DestinationRule',
    'cart',
    'shop',
    '{host: cart, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}',
  );
  expect((await bodies(await stand.client('web', [acme(files + rule)]), 12)).size).toBe(3);
});

const pod = (name: string, node: string, address: string) =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, namespace: shop, labels: {app: cart}}\nspec: {nodeName: ${node}}\nstatus: {podIP: ${address}}\n---\n`;

/** Servers of one port at two addresses, as Pods on two nodes. */
async function onNodes(stand: Stand, more: string): Promise<string> {
  const port = await stand.backend('one', '127.0.0.11');
  await stand.backend('two', '127.0.0.12', undefined, port);
  const ports = `[{name: http, port: 80, targetPort: ${port}}]`;
  return service('cart', 'shop', more, ports) + pod('a', 'n1', '127.0.0.11') + pod('b', 'n2', '127.0.0.12');
}

test('trafficDistribution: PreferSameNode: the own node first, and any for whom there is none', async () => {
  await using stand = new Stand();
  const files = await onNodes(stand, ', trafficDistribution: PreferSameNode');
  const of = async (node: string) => stand.client('web', [acme(files)], { more: { NODE_NAME: node } });
  expect(await bodies(await of('n1'), 20)).toEqual(new Set(['one']));
  expect(await bodies(await of('n2'), 20)).toEqual(new Set(['two']));
  expect(await bodies(await of('n3'), 60)).toEqual(new Set(['one', 'two']));
});

test('internalTrafficPolicy: Local: the own node, and nowhere else', async () => {
  await using stand = new Stand();
  const files = await onNodes(stand, ', internalTrafficPolicy: Local');
  const of = async (more: object) => stand.client('web', [acme(files)], { more: { ...more } });
  expect(await bodies(await of({ NODE_NAME: 'n2' }), 20)).toEqual(new Set(['two']));
  expect((await (await of({ NODE_NAME: 'n3' })).ask(cart)).status).toBe(503);
  expect((await (await of({})).ask(cart)).status).toBe(503);
  const { skipped } = snapshotOf(proxyAt('10.0.0.1', 'web'), acme(files));
  expect(skipped).toMatchObject([{ address: `outbound|80||${cart}` }]);
});

test.each([
  ['spec', (files: string) => files],
  [
    'annotation',
    (files: string) =>
      files
        .replace(', trafficDistribution: PreferClose', '')
        .replace(
          'namespace: shop}',
          'namespace: shop, annotations: {networking.istio.io/traffic-distribution: PreferClose}}',
        ),
  ],
])('trafficDistribution by %s: the nearest, for whom there is a near one', async (_by, written) => {
  await using stand = new Stand();
  const at = (name: string, port: number, locality: string) =>
    workload(name, 'shop', '127.0.0.1', 'app: cart', `, ports: {http: ${port}}, locality: ${locality}`);
  const files =
    written(service('cart', 'shop', ', trafficDistribution: PreferClose')) +
    at('near', await stand.backend('near'), 'eu/a') +
    at('far', await stand.backend('far'), 'us/b');
  const near = await stand.client('web', [acme(files)], { locality: 'eu.a' });
  expect(await bodies(near, 20)).toEqual(new Set(['near']));
  expect(await bodies(await stand.client('web', [acme(files)]), 60)).toEqual(new Set(['near', 'far']));
});

const api = (spec: string) =>
  istio(
    'ServiceEntry',
    'api',
    'web',
    `{hosts: [api.example], ports: [{number: 80, name: http, protocol: HTTP}], ${spec}}`,
  );

async function shares(
  running: Running,
  host: string,
  count: number,
): Promise<Readonly<Record<string, number>>> {
  const found: Record<string, number> = {};
  for (let index = 0; index < count; index++) {
    const { body } = await running.ask(host);
    found[body] = (found[body] ?? 0) + 1;
  }
  return found;
}

test('STATIC: endpoints with their ports, weights, labels and localities', async () => {
  await using stand = new Stand();
  const endpoint = async (name: string, weight: number, locality: string) =>
    `{address: 127.0.0.1, ports: {http: ${await stand.backend(name)}}, weight: ${weight}, labels: {version: ${name}}, locality: ${locality}}`;
  const endpoints = [await endpoint('v1', 9, 'eu/a'), await endpoint('v2', 1, 'us/b')];
  const entry = api(`resolution: STATIC, location: MESH_INTERNAL, endpoints: [${endpoints.join(', ')}]`);
  const rule = (more: string) => istio('DestinationRule', 'api', 'web', `{host: api.example, ${more}}`);
  const plain = await stand.client('web', [
    acme(entry + rule('trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}')),
  ]);
  const { v1 = 0, v2 = 0 } = await shares(plain, 'api.example', 200);
  expect([v1 + v2, v1 > 150, v2 > 5]).toEqual([200, true, true]);
  const second = rule('subsets: [{name: v2, labels: {version: v2}}]');
  const route = routes('api', 'web', 'api.example', to('api.example', ', subset: v2'));
  expect(await shares(await stand.client('web', [acme(entry + second + route)]), 'api.example', 10)).toEqual({
    v2: 10,
  });
  const near = rule('trafficPolicy: {outlierDetection: {consecutive5xxErrors: 5}}');
  const client = await stand.client('web', [acme(entry + near)], { locality: 'us.b' });
  expect(await shares(client, 'api.example', 10)).toEqual({ v2: 10 });
});

test('DNS: each endpoint by its name, or the host itself', async () => {
  await using stand = new Stand();
  const port = await stand.backend('by name');
  const named = api(`resolution: DNS, endpoints: [{address: localhost, ports: {http: ${port}}}]`);
  const client = await stand.client('web', [acme(named)]);
  expect((await client.ask('api.example')).body).toBe('by name');
  const itself = named
    .replace('[api.example]', '[localhost]')
    .replace(/, endpoints.*]/, '')
    .replace('number: 80', `number: ${port}`);
  expect((await (await stand.client('web', [acme(itself)])).ask(`localhost:${port}`)).body).toBe('by name');
});

test('workloadSelector: WorkloadEntries with their weights and ports', async () => {
  await using stand = new Stand();
  const at = async (name: string, weight: number) =>
    workload(
      name,
      'web',
      '127.0.0.1',
      `app: api, version: ${name}`,
      `, ports: {http: ${await stand.backend(name)}}, weight: ${weight}`,
    );
  const files =
    api('resolution: STATIC, workloadSelector: {labels: {app: api}}') +
    (await at('a', 9)) +
    (await at('b', 1));
  const rule = istio(
    'DestinationRule',
    'api',
    'web',
    '{host: api.example, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}',
  );
  const { a = 0, b = 0 } = await shares(await stand.client('web', [acme(files + rule)]), 'api.example', 200);
  expect([a + b, a > 150, b > 5]).toEqual([200, true, true]);
});

test('a host that ends with a dot is the same host, for applications and at gateways', async () => {
  await using stand = new Stand();
  const [port = 0] = await freePorts(1);
  const answer: RequestListener = ({ headers }, response) => response.end(headers.host);
  const files =
    service('cart', 'shop', '', '[{name: http, port: 9080}]') +
    workload(
      'cart',
      'shop',
      '127.0.0.1',
      'app: cart',
      `, ports: {http: ${await stand.backend('cart', '127.0.0.1', answer)}}`,
    ) +
    gateway('edge', 'edge', '[www.acme.example]', '', port) +
    bound('edge', 'edge', 'www.acme.example', '[edge]', to(cart));
  const client = await stand.client('web', [acme(files)]);
  for (const host of [`${cart}:9080`, `${cart}.:9080`])
    expect((await client.ask(host)).body).toBe(`${cart}:9080`);
  expect((await client.ask('cart.shop.:9080')).body).toBe('cart.shop:9080');
  await stand.gateway('edge', [acme(files)], { app: 'edge' });
  const at = (host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, headers: { host }, agent: false }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      });
      sent.on('error', reject).end();
    });
  expect(await Promise.all(['www.acme.example', 'www.acme.example.', 'other.'].map(at))).toEqual([
    200, 200, 404,
  ]);
});

const headless = (ip: string, http = to('hl')) =>
  service('hl', 'shop', ', clusterIP: None', '[{name: http, port: 80, targetPort: 8080}]') +
  workload('pod-0', 'shop', ip, 'app: hl') +
  routes('hl', 'shop', 'hl', http);

test('a headless Service: its own name is routed, and no name of a Pod', async () => {
  await using stand = new Stand();
  const port = await stand.backend('pod-0');
  const own = 'hl.shop.svc.cluster.local';
  const files = headless('127.0.0.1').replace('targetPort: 8080', `targetPort: ${port}`);
  const client = await stand.client('web', [acme(files)]);
  expect((await client.ask(own)).body).toBe('pod-0');
  expect((await client.ask(`pod-0.${own}`)).status).toBe(503);
  const pod = `{hosts: [pod-0.${own}], resolution: DNS, endpoints: [{address: localhost, ports: {http: ${port}}}], ports: [{number: 80, name: http, protocol: HTTP}]}`;
  const named = await stand.client('web', [acme(files + istio('ServiceEntry', 'pod-0', 'shop', pod))]);
  expect((await named.ask(`pod-0.${own}`)).body).toBe('pod-0');
  const broken = headless('127.0.0.1', '[{directResponse: {status: 418}}]');
  const other = await stand.client('web', [acme(broken)]);
  expect([(await other.ask(own)).status, (await other.ask(`pod-0.${own}`)).status]).toEqual([418, 503]);
});

test('captured, a headless Service is balanced, and a name of a Pod goes where the client wanted', () => {
  const proxy = proxyAt('10.0.0.1', 'web', { FAIRLEAD: { capture: 'redirect' } });
  const snapshot = snapshotOf(proxy, acme(headless('10.0.0.9')));
  const table = jsonOf(snapshot, 'routes', '80').virtual_hosts as unknown as readonly {
    readonly domains: readonly string[];
    readonly routes: readonly { readonly route: { readonly cluster: string } }[];
  }[];
  const clusters = table.map(({ domains, routes: all }) => [domains[0], all[0]?.route.cluster]);
  expect(clusters).toEqual([
    ['hl.shop.svc.cluster.local', 'outbound|80||hl.shop.svc.cluster.local'],
    ['*', 'PassthroughCluster'],
  ]);
  expect(table.flatMap(({ domains }) => domains).filter((name) => name.includes('.hl'))).toEqual([]);
  expect(jsonOf(snapshot, 'clusters', 'outbound|80||hl.shop.svc.cluster.local').type).toBe('EDS');
});

test('a headless Service of TCP is balanced on the loopback, where nothing is captured', () => {
  const files =
    service('db', 'shop', ', clusterIP: None', '[{name: tcp, port: 5432}]') +
    workload('db', 'shop', '10.0.0.9', 'app: db');
  const snapshot = snapshotOf(proxyAt('10.0.0.1', 'web'), acme(files));
  const cluster = 'outbound|5432||db.shop.svc.cluster.local';
  expect(JSON.stringify(jsonOf(snapshot, 'listeners', '127.0.0.1_5432'))).toContain(cluster);
  expect(jsonOf(snapshot, 'clusters', cluster).type).toBe('EDS');
});

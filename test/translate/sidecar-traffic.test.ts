import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { entry, istio, routes, service, subsets, to, workload } from '../mesh/manifests.ts';
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

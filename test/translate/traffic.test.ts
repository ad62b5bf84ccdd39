import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo, Server, Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { istio, service, slice, workload } from '../mesh/manifests.ts';
import { type Running, run } from './running.ts';
import { proxyAt, snapshotOf } from './world.ts';

/** What a policy does to the requests of a client, by a real Envoy between real services. */

const cart = 'cart.shop.svc.cluster.local';
let open: AsyncDisposableStack = new AsyncDisposableStack();
afterEach(async () => {
  const used = open;
  open = new AsyncDisposableStack();
  await used.disposeAsync();
});

async function listen(server: Server, address = '127.0.0.1'): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, address);
  await once(server, 'listening');
  open.defer(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A service of the port that answers with its name, unless `answer` does something else. */
async function backend(name: string, answer?: RequestListener): Promise<number> {
  return listen(createServer(answer ?? ((_, response) => response.end(name))));
}

/** A client of cart behind Envoy, with these workloads' ports and this policy. */
async function client(ports: readonly number[], policy: string): Promise<Running> {
  const workloads = ports.map((port, index) =>
    workload(`cart-${index}`, 'shop', '127.0.0.1', 'app: cart', `, ports: {http: ${port}}`),
  );
  const rule = istio('DestinationRule', 'cart', 'shop', `{host: cart, trafficPolicy: ${policy}}`);
  return clientOf(service('cart', 'shop') + workloads.join('') + rule);
}

async function clientOf(files: string, locality = 'eu.a'): Promise<Running> {
  const [httpProxyPort = 0] = await freePorts(1);
  const metadata = { FAIRLEAD: { httpProxyPort }, LABELS: { 'istio-locality': locality } };
  const proxy = proxyAt('10.0.0.1', 'web', metadata);
  const running = await run(snapshotOf(proxy, { path: 'acme', files }), httpProxyPort);
  open.defer(() => running.close());
  return running;
}

const named = (...names: readonly string[]) => Promise.all(names.map((name) => backend(name)));

/** The bodies of requests one after the other. */
async function bodies(running: Running, count: number): Promise<readonly string[]> {
  const found: string[] = [];
  for (let index = 0; index < count; index++) found.push((await running.ask(cart)).body);
  return found;
}

describe('load balancers', () => {
  test('ROUND_ROBIN takes turns', async () => {
    const running = await client(await named('a', 'b', 'c'), '{loadBalancer: {simple: ROUND_ROBIN}}');
    const found = await bodies(running, 12);
    expect(new Set(found.slice(0, 3)).size).toBe(3);
    found.forEach((body, index) => {
      expect(body).toBe(found[index % 3]);
    });
  });

  test('RANDOM does not, and spreads all the same', async () => {
    const running = await client(await named('a', 'b'), '{loadBalancer: {simple: RANDOM}}');
    const found = await bodies(running, 200);
    const repeated = found.filter((body, index) => body === found[index - 1]).length;
    expect(found.filter((body) => body === 'a').length).toBeGreaterThan(50);
    expect(found.filter((body) => body === 'b').length).toBeGreaterThan(50);
    expect(repeated).toBeGreaterThan(0);
  });

  // So many that no host is left out: of 24, one was once in 2,000 times, as the ports of the hosts fell.
  const users = Array.from({ length: 64 }, (_, index) => `user-${index}`);

  test.each([
    ['header', '{httpHeaderName: x-user}', (user: string) => ({ headers: { 'x-user': user } })],
    [
      'header, by maglev',
      '{httpHeaderName: x-user, maglev: {tableSize: 251}}',
      (user: string) => ({ headers: { 'x-user': user } }),
    ],
    ['query parameter', '{httpQueryParameterName: user}', (user: string) => ({ path: `/?user=${user}` })],
    [
      'cookie',
      '{httpCookie: {name: user, ttl: 1h}}',
      (user: string) => ({ headers: { cookie: `user=${user}` } }),
    ],
  ])('consistent hash by %s sticks', async (_by, hash, by) => {
    const running = await client(await named('a', 'b', 'c'), `{loadBalancer: {consistentHash: ${hash}}}`);
    const chosen = new Set<string>();
    for (const user of users) {
      const { body } = await running.ask(cart, by(user));
      chosen.add(body);
      for (let again = 0; again < 3; again++) expect((await running.ask(cart, by(user))).body).toBe(body);
    }
    expect(chosen.size).toBe(3);
  });

  test('a cookie is handed out to who has none, and sticks', async () => {
    const hash = '{httpCookie: {name: user, path: /, ttl: 1h}}';
    const running = await client(await named('a', 'b', 'c'), `{loadBalancer: {consistentHash: ${hash}}}`);
    const first = await running.ask(cart);
    const [given = ''] = first.headers['set-cookie'] ?? [];
    expect(given).toMatch(/^user="[0-9a-f]+"; Max-Age=3600; Path=\/; HttpOnly/);
    const cookie = given.split(';')[0] ?? '';
    for (let again = 0; again < 8; again++) {
      expect((await running.ask(cart, { headers: { cookie } })).body).toBe(first.body);
    }
  });

  test('useSourceIp: one client, one host', async () => {
    const running = await client(
      await named('a', 'b', 'c'),
      '{loadBalancer: {consistentHash: {useSourceIp: true}}}',
    );
    expect(new Set(await bodies(running, 12)).size).toBe(1);
  });
});

describe('connection pools', () => {
  test('what is too much is answered 503 at once, as overloaded; the rest is served', async () => {
    const held: (() => void)[] = [];
    const slow = await backend('slow', (_, response) => held.push(() => response.end('slow')));
    const pool = '{connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}}';
    const running = await client([slow], pool);
    const refused: unknown[] = [];
    const ask = async () => {
      const { status, headers } = await running.ask(cart);
      if (status === 503) refused.push(headers['x-envoy-overloaded']);
      return status;
    };
    const first = ask();
    await until(() => held.length === 1);
    const others = Array.from({ length: 5 }, ask);
    await until(() => refused.length === 4);
    held[0]?.();
    await until(() => held.length === 2);
    held[1]?.();
    expect(await first).toBe(200);
    expect((await Promise.all(others)).sort()).toEqual([200, 503, 503, 503, 503]);
    expect(refused).toEqual(['true', 'true', 'true', 'true']);
    expect(await running.stat(`cluster.outbound|80||${cart}.upstream_rq_pending_overflow`)).toBe(4);
  });

  test('maxRequestsPerConnection: 1 connects anew for every request', async () => {
    const connections = new Set<unknown>();
    const port = await backend('a', ({ socket }, response) => {
      connections.add(socket);
      response.end('a');
    });
    const running = await client([port], '{connectionPool: {http: {maxRequestsPerConnection: 1}}}');
    await bodies(running, 4);
    expect(connections.size).toBe(4);
    const keeping = await client([port], '{}');
    connections.clear();
    await bodies(keeping, 4);
    expect(connections.size).toBe(1);
  });

  test('h2UpgradePolicy: UPGRADE speaks HTTP/2 to the host', async () => {
    const port = await listen(createHttp2Server((asked, response) => response.end(asked.httpVersion)));
    const running = await client([port], '{connectionPool: {http: {h2UpgradePolicy: UPGRADE}}}');
    expect((await running.ask(cart)).body).toBe('2.0');
  });
});

describe('outlier detection', () => {
  const failing: RequestListener = (_, response) => response.writeHead(500).end('bad');
  const ejected = (running: Running) =>
    running.stat(`cluster.outbound|80||${cart}.outlier_detection.ejections_active`);

  test('leaves a host alone after errors in a row', async () => {
    const ports = [await backend('good'), await backend('bad', failing)];
    const detection = '{consecutive5xxErrors: 3, baseEjectionTime: 1h, maxEjectionPercent: 50}';
    const running = await client(ports, `{outlierDetection: ${detection}}`);
    let errors = 0;
    while ((await ejected(running)) === 0) {
      if ((await running.ask(cart)).body === 'bad') errors += 1;
    }
    expect(errors).toBeGreaterThanOrEqual(3);
    expect(new Set(await bodies(running, 30))).toEqual(new Set(['good']));
  });

  test('consecutive5xxErrors: 0 counts none', async () => {
    const ports = [await backend('good'), await backend('bad', failing)];
    const running = await client(
      ports,
      '{outlierDetection: {consecutive5xxErrors: 0, maxEjectionPercent: 50}}',
    );
    expect((await bodies(running, 60)).filter((body) => body === 'bad').length).toBeGreaterThan(5);
    expect(await ejected(running)).toBe(0);
  });
});

describe('localities', () => {
  /** Workloads at localities: `near` at the client's. */
  const here = async (near: number, far: number, policy: string) =>
    clientOf(
      service('cart', 'shop') +
        workload('near', 'shop', '127.0.0.1', 'app: cart', `, ports: {http: ${near}}, locality: eu/a`) +
        workload('far', 'shop', '127.0.0.1', 'app: cart', `, ports: {http: ${far}}, locality: us/a`) +
        istio('DestinationRule', 'cart', 'shop', `{host: cart, trafficPolicy: {${policy}}}`),
    );
  const ejecting =
    'outlierDetection: {consecutive5xxErrors: 1, baseEjectionTime: 1h, maxEjectionPercent: 100}';

  test('the nearest answers, until it fails', async () => {
    let fails = false;
    const near = await backend('near', (_, response) => response.writeHead(fails ? 500 : 200).end('near'));
    const running = await here(near, await backend('far'), ejecting);
    expect(new Set(await bodies(running, 20))).toEqual(new Set(['near']));
    fails = true;
    let body = '';
    while (body !== 'far') body = (await running.ask(cart)).body;
    expect(new Set(await bodies(running, 20))).toEqual(new Set(['far']));
  });

  test('without outlier detection both answer', async () => {
    const running = await here(await backend('near'), await backend('far'), 'loadBalancer: {simple: RANDOM}');
    expect(new Set(await bodies(running, 60))).toEqual(new Set(['near', 'far']));
  });

  test('shares are kept', async () => {
    const shares = (far: number, near: number) =>
      `loadBalancer: {simple: RANDOM, localityLbSetting: {distribute: [{from: eu/*, to: {us/*: ${far}, eu/*: ${near}}}]}}`;
    const running = await here(await backend('near'), await backend('far'), shares(90, 10));
    const far = (await bodies(running, 300)).filter((body) => body === 'far').length;
    expect(far).toBeGreaterThan(230);
    expect(far).toBeLessThan(300);
  });
});

describe('endpoint slices', () => {
  /** An address of this machine that a slice may have. */
  const ip = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
  const here = ip ?? fail('this machine has no address but the loopback');
  const at = (address: string, conditions = '') => `{addresses: [${address}], conditions: {${conditions}}}`;
  const ports = (port: number) => ({ ports: `[{name: http, port: ${port}}]` });
  const answering = (name: string) => createServer((_, response) => response.end(name));

  test('ready endpoints get requests, others do not', async () => {
    const [good, bad] = [await listen(answering('good'), here), await listen(answering('bad'), here)];
    const running = await clientOf(
      service('cart', 'shop') +
        slice('a', 'shop', 'cart', [at(here, 'ready: true')], ports(good)) +
        slice('b', 'shop', 'cart', [at(here, 'ready: false')], ports(bad)),
    );
    expect(new Set(await bodies(running, 20))).toEqual(new Set(['good']));
  });

  test('those that still serve are the last resort, and without one there is no answer', async () => {
    const last = await listen(answering('last'), here);
    const leaving = (serving: string) =>
      clientOf(
        service('cart', 'shop') +
          slice(
            'a',
            'shop',
            'cart',
            [at(here, `ready: false, terminating: true, serving: ${serving}`)],
            ports(last),
          ),
      );
    expect((await (await leaving('true')).ask(cart)).body).toBe('last');
    expect((await (await leaving('false')).ask(cart)).status).toBe(503);
  });

  test('the sidecar at a slice’s address serves its port', async () => {
    const application = await backend('application');
    const files = service('cart', 'shop') + slice('a', 'shop', 'cart', [at(here)], ports(application));
    const [httpProxyPort = 0] = await freePorts(1);
    const proxy = proxyAt(here, 'shop', { FAIRLEAD: { httpProxyPort } });
    const running = await run(snapshotOf(proxy, { path: 'acme', files }), httpProxyPort);
    open.defer(() => running.close());
    expect(await (await fetch(`http://${here}:${application}/`)).text()).toBe('application');
    expect((await running.ask(cart)).body).toBe('application');
  });
});

function fail(message: string): never {
  throw new Error(message);
}

/** Waits for what comes with the next answers; asked again each time the event loop has gone round. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(setImmediate);
}

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { istio, routes, service, workload } from '../mesh/manifests.ts';
import { type Authority, createAuthority } from './certificates.ts';
import { run } from './running.ts';
import { Stand } from './stand.ts';
import { proxyAt, snapshotOf } from './world.ts';

/** What a client experiences of a DestinationRule's encryption, tunnels, budgets and selectors, by real Envoys. */

const cart = 'cart.shop.svc.cluster.local';
const open = new AsyncDisposableStack();
afterAll(() => open.disposeAsync());

async function listen(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.defer(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const at = (port: number) => workload('cart', 'shop', '127.0.0.1', 'app: cart', `, ports: {http: ${port}}`);
const policy = (text: string) =>
  istio('DestinationRule', 'cart', 'shop', `{host: cart, trafficPolicy: ${text}}`);
const acme = (...files: readonly string[]) => [
  { path: 'acme', files: service('cart', 'shop') + files.join('') },
];

describe('tls', () => {
  let own: Authority;
  let foreign: Authority;
  /** Says by which name it was asked for, and who asked. */
  let port = 0;
  let client: Awaited<ReturnType<Authority['issue']>>;
  let revoked = '';
  beforeAll(async () => {
    [own, foreign] = [await createAuthority(), await createAuthority()];
    open.defer(() => own.remove());
    open.defer(() => foreign.remove());
    const identity = await own.issue(cart);
    client = await own.issue('client');
    const options = { ...identity, ca: own.ca, requestCert: true, rejectUnauthorized: false };
    const server = createHttpsServer(options, ({ socket }, response) => {
      const { servername, authorized } = socket as TLSSocket & { servername?: string };
      response.end(`${servername} ${authorized ? 'known' : 'unknown'}`);
    });
    port = await listen(server as unknown as Server);
    revoked = await own.revoke(identity);
  });

  async function answer(tls: string): Promise<string> {
    await using stand = new Stand();
    const running = await stand.client('web', acme(at(port), policy(`{tls: ${tls}}`)));
    const { status, body } = await running.ask(cart);
    return status === 200 ? body : String(status);
  }

  test('DISABLE: plain text, which the server does not understand', async () => {
    expect(await answer('{mode: DISABLE}')).toBe('503');
  });

  test('SIMPLE: the server is asked for by the host of the request, and has to show it', async () => {
    expect(await answer(`{mode: SIMPLE, caCertificates: ${own.caFile}}`)).toBe(`${cart} unknown`);
    expect(await answer(`{mode: SIMPLE, caCertificates: ${foreign.caFile}}`)).toBe('503');
  });

  test('SIMPLE without caCertificates: those whom the system trusts, which nobody of a test is', async () => {
    expect(await answer('{mode: SIMPLE}')).toBe('503');
  });

  test('insecureSkipVerify: whoever answers', async () => {
    expect(await answer('{mode: SIMPLE, insecureSkipVerify: true}')).toBe(`${cart} unknown`);
  });

  test('sni: the server is asked for by that name', async () => {
    expect(await answer(`{mode: SIMPLE, caCertificates: ${own.caFile}, sni: b.example}`)).toBe(
      'b.example unknown',
    );
  });

  test('subjectAltNames: the server shows one of them', async () => {
    const named = (names: string) =>
      answer(`{mode: SIMPLE, caCertificates: ${own.caFile}, subjectAltNames: ${names}}`);
    expect(await named(`[b.example, ${cart}]`)).toBe(`${cart} unknown`);
    expect(await named('[b.example]')).toBe('503');
  });

  test('caCrl: a certificate that was revoked is none', async () => {
    expect(await answer(`{mode: SIMPLE, caCertificates: ${own.caFile}, caCrl: ${revoked}}`)).toBe('503');
  });

  test('MUTUAL: the client shows its certificate', async () => {
    const shown = `clientCertificate: ${client.certFile}, privateKey: ${client.keyFile}`;
    expect(await answer(`{mode: MUTUAL, caCertificates: ${own.caFile}, ${shown}}`)).toBe(`${cart} known`);
  });

  describe('credentialName', () => {
    const files = (tls: string) => acme(at(port), policy(`{tls: ${tls}}`));
    /** A client whose proxy says where its secrets are. */
    async function answerWith(credentials: string, tls: string): Promise<string> {
      const [httpProxyPort = 0] = await freePorts(1);
      const proxy = proxyAt('10.0.0.1', 'web', { FAIRLEAD: { httpProxyPort, credentials } });
      const running = await run(snapshotOf(proxy, ...files(tls)), httpProxyPort);
      const { status, body } = await running.ask(cart);
      await running.close();
      return status === 200 ? body : String(status);
    }

    test('a secret of the namespace of the client, on the machine of its proxy', async () => {
      await own.mount('web', 'client', client);
      await foreign.mount('web', 'client', client);
      const folder = (authority: Authority) => join(authority.folder, 'secrets');
      expect(await answerWith(folder(own), '{mode: MUTUAL, credentialName: client}')).toBe(`${cart} known`);
      expect(await answerWith(folder(own), '{mode: SIMPLE, credentialName: client}')).toBe(`${cart} unknown`);
      expect(await answerWith(folder(foreign), '{mode: SIMPLE, credentialName: client}')).toBe('503');
    });

    test('of a proxy that has none: 503, and the snapshot says why', async () => {
      const snapshot = snapshotOf(
        proxyAt('10.0.0.1', 'web'),
        ...files('{mode: SIMPLE, credentialName: client}'),
      );
      expect(snapshot.skipped).toMatchObject([
        {
          address: `outbound|80||${cart}`,
          reason: expect.stringMatching(/no folder of credentials.*client/),
        },
      ]);
      expect(await answer('{mode: SIMPLE, credentialName: client}')).toBe('503');
    });
  });

  test('of one port alone', async () => {
    await using stand = new Stand();
    const settings = `{port: {number: 80}, tls: {mode: SIMPLE, caCertificates: ${own.caFile}}}`;
    const running = await stand.client('web', acme(at(port), policy(`{portLevelSettings: [${settings}]}`)));
    expect((await running.ask(cart)).body).toBe(`${cart} unknown`);
  });
});

/** A service of bytes on a free port, which a client in capture mode `ports` has a listener for. */
async function bytes(port: number, more: string): Promise<{ readonly at: number; readonly files: string }> {
  const [free = 0] = await freePorts(1);
  const files =
    service('db', 'shop', '', `[{name: tcp, port: ${free}}]`) +
    workload('db', 'shop', '127.0.0.1', 'app: db', `, ports: {tcp: ${port}}`) +
    istio('DestinationRule', 'db', 'shop', `{host: db, trafficPolicy: ${more}}`);
  return { at: free, files };
}

/** All that the other end says to `hello`. */
function said(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('hello'));
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

describe('proxyProtocol', () => {
  test.each([
    ['{}', /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\nhello$/],
    ['{version: V1}', /^PROXY TCP4 /],
    // The signature of version 2.
    ['{version: V2}', /^\r\n\r\n\0\r\nQUIT\n/],
  ])('%s: connections begin with the address of the client', async (text, expected) => {
    await using stand = new Stand();
    const echo = createTcpServer((socket) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
        if (text.endsWith('hello')) socket.end(Buffer.from(text, 'latin1'));
      });
    });
    const { at: port, files } = await bytes(await listen(echo), `{proxyProtocol: ${text}}`);
    await stand.client('shop', acme(files));
    expect(await said(port)).toMatch(expected);
  });
});

describe('tunnel', () => {
  test('connections go through the destination to the target', async () => {
    await using stand = new Stand();
    const asked: string[] = [];
    const proxy = createServer();
    proxy.on('connect', ({ url = '' }, socket) => {
      asked.push(url);
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.end('target');
    });
    const target = '{tunnel: {targetHost: db.example, targetPort: 5432}}';
    const { at: port, files } = await bytes(await listen(proxy), target);
    await stand.client('shop', acme(files));
    expect([await said(port), asked]).toEqual(['target', ['db.example:5432']]);
  });

  test('by POST', async () => {
    await using stand = new Stand();
    const methods: unknown[] = [];
    const proxy = createServer((request, response) => {
      methods.push(request.method);
      response.end('posted');
    });
    const target = '{tunnel: {protocol: POST, targetHost: db.example, targetPort: 5432}}';
    const { at: port, files } = await bytes(await listen(proxy), target);
    await stand.client('shop', acme(files));
    expect([await said(port), methods]).toEqual(['posted', ['POST']]);
  });
});

describe('retryBudget', () => {
  /** How often a request that fails is tried, after some that did not. */
  const tries = async (budget: string, before = 0) => {
    await using stand = new Stand();
    let count = 0;
    const port = await stand.backend('cart', '127.0.0.1', ({ url }, response) => {
      if (url === '/fine') return response.end();
      count += 1;
      return response.writeHead(503).end();
    });
    const step =
      '[{retries: {attempts: 2, retryOn: 5xx, backoff: 1ms}, route: [{destination: {host: cart}}]}]';
    const running = await stand.client(
      'web',
      acme(at(port), policy(budget), routes('cart', 'shop', 'cart', step)),
    );
    for (let asked = 0; asked < before; asked++) await running.ask(cart, { path: '/fine' });
    await running.ask(cart);
    return count;
  };

  test('nothing of the requests: no retry; something: all that were asked for', async () => {
    expect(await tries('{retryBudget: {percent: 0, minRetryConcurrency: 0}}')).toBe(1);
    expect(await tries('{retryBudget: {percent: 0, minRetryConcurrency: 1}}')).toBe(3);
    expect(await tries('{retryBudget: {percent: 100, minRetryConcurrency: 0}}')).toBe(3);
  });

  test('budgetInterval: requests that have ended count for so long', async () => {
    const budget = 'percent: 20, minRetryConcurrency: 0';
    expect(await tries(`{retryBudget: {${budget}, budgetInterval: 0s}}`, 10)).toBe(1);
    expect(await tries(`{retryBudget: {${budget}, budgetInterval: 1h}}`, 10)).toBe(3);
  });
});

describe('connections', () => {
  const silent = () => createTcpServer(() => {});

  test.each(['idleTimeout', 'maxConnectionDuration'])('tcp.%s ends those of bytes', async (field) => {
    await using stand = new Stand();
    const { at: port, files } = await bytes(
      await listen(silent()),
      `{connectionPool: {tcp: {${field}: 50ms}}}`,
    );
    await stand.client('shop', acme(files));
    expect(await said(port)).toBe('');
  });

  test('http.idleTimeout ends those of requests', async () => {
    await using stand = new Stand();
    const ended = Promise.withResolvers<void>();
    const port = await stand.backend('cart', '127.0.0.1', ({ socket }, response) => {
      socket.on('close', () => ended.resolve());
      response.end();
    });
    const running = await stand.client(
      'web',
      acme(at(port), policy('{connectionPool: {http: {idleTimeout: 50ms}}}')),
    );
    await running.ask(cart);
    await ended.promise;
    expect(await running.stat(`cluster.outbound|80||${cart}.upstream_cx_idle_timeout`)).toBe(1);
  });

  /** Holds requests until there are `count` of them; counts connections. */
  async function holding(count: number) {
    const held: (() => void)[] = [];
    let connections = 0;
    const server = createHttp2Server((_, response) => {
      held.push(() => response.end('held'));
      if (held.length === count) for (const letGo of held) letGo();
    });
    server.on('session', () => {
      connections += 1;
    });
    return { port: await listen(server as unknown as Server), connections: () => connections };
  }

  test('maxConcurrentStreams: one more request is one more connection', async () => {
    await using stand = new Stand();
    const { port, connections } = await holding(2);
    const pool = '{connectionPool: {http: {h2UpgradePolicy: UPGRADE, maxConcurrentStreams: 1}}}';
    const running = await stand.client('web', acme(at(port), policy(pool)));
    const answers = await Promise.all([running.ask(cart), running.ask(cart)]);
    expect([answers.map(({ body }) => body), connections()]).toEqual([['held', 'held'], 2]);
  });

  test('http2KeepAlive: connections are asked whether they live, and end where nobody answers', async () => {
    await using stand = new Stand();
    const pinged = Promise.withResolvers<void>();
    const server = createHttp2Server((_, response) => response.end('here'));
    server.on('session', (session) => session.on('ping', () => pinged.resolve()));
    const port = await listen(server as unknown as Server);
    const pings = (times: string) =>
      policy(`{connectionPool: {http: {h2UpgradePolicy: UPGRADE, http2KeepAlive: {${times}}}}}`);
    const running = await stand.client('web', acme(at(port), pings('interval: 20ms, timeout: 10s')));
    expect((await running.ask(cart)).body).toBe('here');
    await pinged.promise;
    // Settings, and nothing more.
    const mute = createTcpServer((socket) => socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])));
    const files = acme(at(await listen(mute)), pings('interval: 20ms, timeout: 20ms'));
    const other = await stand.client('web', files);
    expect((await other.ask(cart)).status).toBe(503);
    expect(await other.stat(`cluster.outbound|80||${cart}.http2.keepalive_timeout`)).toBe(1);
  });

  test('http2MaxRequests: one more is answered 503 at once', async () => {
    await using stand = new Stand();
    const waiting = Promise.withResolvers<() => void>();
    const server = createHttp2Server((_, response) => waiting.resolve(() => response.end('held')));
    const port = await listen(server as unknown as Server);
    const pool = '{connectionPool: {http: {h2UpgradePolicy: UPGRADE, http2MaxRequests: 1}}}';
    const running = await stand.client('web', acme(at(port), policy(pool)));
    const first = running.ask(cart);
    const letGo = await waiting.promise;
    expect((await running.ask(cart)).status).toBe(503);
    letGo();
    expect((await first).body).toBe('held');
  });

  test('useClientProtocol: HTTP/1.1 stays what it is, at a port of HTTP/2, too', async () => {
    await using stand = new Stand();
    const port = await stand.backend('cart', '127.0.0.1', ({ httpVersion }, response) =>
      response.end(httpVersion),
    );
    const files = [
      at(port).replace('http: ', 'grpc: '),
      policy('{connectionPool: {http: {useClientProtocol: true}}}'),
    ];
    const grpc = {
      path: 'acme',
      files: service('cart', 'shop', '', '[{name: grpc, port: 80}]') + files.join(''),
    };
    expect((await (await stand.client('web', [grpc])).ask(cart)).body).toBe('1.1');
  });
});

describe('where requests go first', () => {
  /** Asks the services at `places`, each with its name, from `eu/a`. */
  async function answers(
    places: readonly (readonly [string, string])[],
    setting: string,
  ): Promise<ReadonlySet<string>> {
    await using stand = new Stand();
    const workloads = [];
    for (const [name, more] of places) {
      const port = await stand.backend(name);
      workloads.push(
        workload(name, 'shop', '127.0.0.1', `app: cart, version: ${name}`, `, ports: {http: ${port}}${more}`),
      );
    }
    const ejecting = `outlierDetection: {consecutive5xxErrors: 1}, loadBalancer: {localityLbSetting: ${setting}}`;
    const files = acme(...workloads, policy(`{${ejecting}}`));
    const running = await stand.client('web', files, { locality: 'eu.a', labels: { version: 'v2' } });
    const found = new Set<string>();
    for (let index = 0; index < 20; index++) found.add((await running.ask(cart)).body);
    return found;
  }
  const places = [
    ['us', ', locality: us/a'],
    ['cn', ', locality: cn/a'],
  ] as const;

  test('localityLbSetting.failover: to the region that is named, before all others', async () => {
    expect(await answers(places, '{failover: [{from: eu, to: cn}]}')).toEqual(new Set(['cn']));
    expect(await answers(places, '{failover: [{from: us, to: cn}]}')).toEqual(new Set(['us', 'cn']));
  });

  test('localityLbSetting.failoverPriority: to those with the labels of the client', async () => {
    const both = [
      ['v1', ''],
      ['v2', ''],
    ] as const;
    expect(await answers(both, '{failoverPriority: [version]}')).toEqual(new Set(['v2']));
  });

  test('localityLbSetting.enabled: false: anywhere', async () => {
    const near = [
      ['eu', ', locality: eu/a'],
      ['us', ', locality: us/a'],
    ] as const;
    expect(await answers(near, '{enabled: false}')).toEqual(new Set(['eu', 'us']));
    expect(await answers(near, '{enabled: true}')).toEqual(new Set(['eu']));
  });
});

describe('outlier detection', () => {
  const two = (good: number, bad: number) =>
    ['good', 'bad'].map((name) => {
      const port = name === 'good' ? good : bad;
      return workload(name, 'shop', '127.0.0.1', 'app: cart', `, ports: {http: ${port}}`);
    });
  const base = 'baseEjectionTime: 1h, maxEjectionPercent: 50';
  const failing = (stand: Stand) =>
    stand.backend('bad', '127.0.0.1', (_, response) => response.writeHead(502).end('bad'));

  /** Asks until a host is left alone, and then whom 20 requests get to. */
  async function afterwards(running: Awaited<ReturnType<Stand['client']>>): Promise<ReadonlySet<string>> {
    const ejected = `cluster.outbound|80||${cart}.outlier_detection.ejections_active`;
    while ((await running.stat(ejected)) === 0) await running.ask(cart);
    const found = new Set<string>();
    for (let index = 0; index < 20; index++) found.add((await running.ask(cart)).body);
    return found;
  }

  test('consecutiveGatewayErrors', async () => {
    await using stand = new Stand();
    const detection = `{outlierDetection: {consecutive5xxErrors: 0, consecutiveGatewayErrors: 2, ${base}}}`;
    const files = acme(...two(await stand.backend('good'), await failing(stand)), policy(detection));
    expect(await afterwards(await stand.client('web', files))).toEqual(new Set(['good']));
  });

  test.each(['[404]', '[404, 429]'])('outlierDetectionHttpErrorCodes: %s', async (codes) => {
    await using stand = new Stand();
    const detection = `{outlierDetection: {consecutive5xxErrors: 2, outlierDetectionHttpErrorCodes: ${codes}, ${base}}}`;
    const bad = await stand.backend('bad', '127.0.0.1', (_, response) => response.writeHead(404).end('bad'));
    const files = acme(...two(await stand.backend('good'), bad), policy(detection));
    expect(await afterwards(await stand.client('web', files))).toEqual(new Set(['good']));
  });

  test('outlierDetectionHttpErrorCodes: what is not among them is no error', async () => {
    await using stand = new Stand();
    const detection = `{outlierDetection: {consecutive5xxErrors: 1, outlierDetectionHttpErrorCodes: [404], ${base}}}`;
    const files = acme(...two(await stand.backend('good'), await failing(stand)), policy(detection));
    const running = await stand.client('web', files);
    for (let index = 0; index < 20; index++) await running.ask(cart);
    const detected = 'outlier_detection.ejections_detected_consecutive_5xx';
    expect(await running.stat(`cluster.outbound|80||${cart}.${detected}`)).toBe(0);
  });

  test('consecutiveLocalOriginFailures, told apart: nobody listens there', async () => {
    await using stand = new Stand();
    const [closed = 0] = await freePorts(1);
    const detection = `{outlierDetection: {splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2, ${base}}}`;
    const files = acme(...two(await stand.backend('good'), closed), policy(detection));
    expect(await afterwards(await stand.client('web', files))).toEqual(new Set(['good']));
  });

  test('minHealthPercent: with fewer than that, all are asked again', async () => {
    await using stand = new Stand();
    const detection = `{outlierDetection: {consecutive5xxErrors: 2, minHealthPercent: 60, ${base}}}`;
    const files = acme(...two(await stand.backend('good'), await failing(stand)), policy(detection));
    expect(await afterwards(await stand.client('web', files))).toEqual(new Set(['good', 'bad']));
  });
});

test('a cookie that is made up has the attributes that are asked for', async () => {
  await using stand = new Stand();
  const cookie = '{name: user, ttl: 1h, attributes: [{name: SameSite, value: Strict}, {name: Secure}]}';
  const hash = policy(`{loadBalancer: {consistentHash: {httpCookie: ${cookie}}}}`);
  const running = await stand.client('web', acme(at(await stand.backend('cart')), hash));
  const [given = ''] = (await running.ask(cart)).headers['set-cookie'] ?? [];
  expect(given).toMatch(/SameSite=Strict/);
  expect(given).toMatch(/Secure/);
});

test.each([
  ['stays where it belongs', '', false],
  ['goes elsewhere where that is asked for', ', retryIgnorePreviousHosts: true', true],
])('a request that is hashed to one host %s when it is tried again', async (_, more, goes) => {
  await using stand = new Stand();
  const tried: string[] = [];
  const failing = (name: string) =>
    stand.backend(name, '127.0.0.1', (_request, response) => {
      tried.push(name);
      response.writeHead(503).end(name);
    });
  const workloads = [];
  for (const name of ['a', 'b', 'c']) {
    const port = await failing(name);
    workloads.push(workload(name, 'shop', '127.0.0.1', 'app: cart', `, ports: {http: ${port}}`));
  }
  const retries = `retries: {attempts: 6, retryOn: 5xx${more}}`;
  const files = acme(
    ...workloads,
    policy('{loadBalancer: {consistentHash: {httpHeaderName: x-user}}}'),
    routes('cart', 'shop', 'cart', `[{route: [{destination: {host: cart}}], ${retries}}]`),
  );
  const running = await stand.client('web', files);
  const went: boolean[] = [];
  for (const user of ['one', 'two', 'three', 'four', 'five']) {
    tried.length = 0;
    expect((await running.ask(cart, { headers: { 'x-user': user } })).status).toBe(503);
    expect(tried).toHaveLength(7);
    went.push(new Set(tried).size > 1);
  }
  // To which others, whether to all of them, and for one in 250 whether to any, their places on the ring decide.
  expect(went.includes(true)).toBe(goes);
});

test('workloadSelector: a rule for the clients that have its labels, in the place of that for all', async () => {
  await using stand = new Stand();
  const [first, second] = [await stand.backend('v1'), await stand.backend('v2')];
  const workloads = [
    workload('v1', 'shop', '127.0.0.1', 'app: cart, version: v1', `, ports: {http: ${first}}`),
    workload('v2', 'shop', '127.0.0.1', 'app: cart, version: v2', `, ports: {http: ${second}}`),
  ];
  const stable = '{name: stable, labels: {version: v1}}';
  const tested = '{name: stable, labels: {version: v2}}';
  const files = acme(
    ...workloads,
    istio('DestinationRule', 'all', 'shop', `{host: cart, subsets: [${stable}]}`),
    istio(
      'DestinationRule',
      'some',
      'shop',
      `{host: cart, workloadSelector: {matchLabels: {tester: "yes"}}, subsets: [${tested}]}`,
    ),
    routes('cart', 'shop', 'cart', '[{route: [{destination: {host: cart, subset: stable}}]}]'),
  );
  const tester = await stand.client('shop', files, { labels: { tester: 'yes' } });
  const other = await stand.client('shop', files, { labels: { tester: 'no' } });
  const elsewhere = await stand.client('web', files, { labels: { tester: 'yes' } });
  const answers = await Promise.all([tester, other, elsewhere].map((running) => running.ask(cart)));
  expect(answers.map(({ body }) => body)).toEqual(['v2', 'v1', 'v1']);
});

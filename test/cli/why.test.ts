import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readRequest } from '../../src/cli/proxy/request.ts';
import { trace } from '../../src/cli/proxy/trace.ts';
import type { Server } from '../../src/main.ts';
import { createStage, type Envoy, proxyWhen, type Stage } from '../e2e/stage.ts';
import { createHome, type Home } from './fairlead.ts';
import { SERVICE } from './mesh.ts';

let home: Home;
beforeAll(async () => {
  home = await createHome();
});
afterAll(() => home.close());

describe('of a running server and its Envoy', () => {
  let stage: Stage;
  let server: Server;
  let envoy: Envoy;
  beforeAll(async () => {
    stage = await createStage();
    server = await stage.serve();
    envoy = await stage.envoy(server);
    await envoy.ready;
    await proxyWhen(server, envoy.nodeId, ({ fullyAcked }) => fullyAcked !== null);
  });
  afterAll(() => stage.close());

  test('the server says file and line, and who decided it at which commit', async () => {
    const address = `http://127.0.0.1:${server.httpPort}`;
    const { code, out } = await home.fairlead('.', 'why', 'web-1', 'http://echo.demo/', '--server', address);
    expect(code).toBe(0);
    expect(out).toMatch(/^GET http:\/\/echo\.demo\/ at web-1\.demo\n/);
    expect(out).toMatch(
      / {2}route .*\n(?: +\S.*\n)* +routes\.yaml:\d+ \(VirtualService\/demo\/echo of acme\)\n/,
    );
    expect(out).toMatch(/ {2}decided {3}acme: seq 1 at [0-9a-f]{10}, the genesis, which needs nobody\n$/);
  });

  test('the Envoy itself says the documents', async () => {
    const { code, out } = await home.fairlead(
      '.',
      'why',
      'web-1',
      'echo.demo',
      '--admin',
      await envoy.admin(),
    );
    expect(code).toBe(0);
    expect(out).toContain('VirtualService/demo/echo of acme');
    expect(out).toMatch(/ {2}endpoints 127\.0\.0\.1:\d+/);
  });
});

const NAMES = `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: any, namespace: demo }
spec:
  hosts: ["*.example.org"]
  resolution: DYNAMIC_DNS
  ports: [{ number: 80, name: http, protocol: HTTP }]
`;

describe('of manifests', () => {
  const RULES = `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo, namespace: demo }
spec:
  hosts: [echo]
  http:
    - match: [{ headers: { x-canary: { exact: "yes" } } }]
      route: [{ destination: { host: echo, subset: v2 } }]
    - match: [{ uri: { regex: "/item/[0-9]+" }, method: { exact: POST } }]
      route: [{ destination: { host: echo, subset: v3 } }]
    - match: [{ uri: { prefix: /old } }]
      redirect: { uri: /new }
    - match: [{ uri: { exact: /OK }, ignoreUriCase: true }]
      directResponse: { status: 204 }
    - match: [{ uri: { prefix: /v1 }, queryParams: { user: { exact: bo } } }]
      route: [{ destination: { host: echo, subset: v1 } }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: db, namespace: demo }
spec:
  hosts: [db.example.com]
  resolution: STATIC
  ports: [{ number: 5432, name: tcp, protocol: TCP }]
  endpoints: [{ address: 10.0.0.9 }]
`;
  beforeAll(() => home.write('rules.yaml', `${SERVICE}${RULES}${NAMES}`));

  test('who is looked up as asked has no endpoints, and is not answered 503', async () => {
    const { steps } = await why('http://any.example.org/');
    expect(steps.at(-1)).toMatchObject({ what: 'endpoints', says: expect.stringContaining('looked up') });
  });

  const why = async (url: string, ...args: readonly string[]) => {
    const ran = await home.fairlead('.', 'why', 'web.demo', url, '-f', 'rules.yaml', '-o', 'json', ...args);
    return { code: ran.code, ...JSON.parse(ran.out) };
  };
  const v = (name: string) => [`outbound|80|${name}|echo.demo.svc.cluster.local`];

  test.each([
    ['echo', ['-H', 'X-Canary: yes'], { does: 'forward', clusters: v('v2') }, 0],
    ['http://echo.demo:80/v1/a?user=bo', [], { does: 'forward', clusters: v('v1') }, 0],
    ['http://echo/old', [], { does: 'redirect' }, 0],
    ['http://echo/ok', [], { does: 'respond', message: 'the proxy itself answers 204' }, 0],
    ['http://echo/item/7', ['-X', 'post'], { does: 'refuse', message: expect.stringContaining('503') }, 1],
    ['http://echo/item/x', ['-X', 'POST'], { does: 'refuse', message: expect.stringContaining('404') }, 1],
    ['http://nobody.example/', [], { does: 'pass' }, 0],
    ['http://any.example.org/', [], { does: 'forward', clusters: ['outbound|80||*.example.org'] }, 0],
    ['tcp://db.example.com:5432', [], { does: 'forward', clusters: ['outbound|5432||db.example.com'] }, 0],
    ['tcp://db.example.com:5433', [], { does: 'nothing' }, 1],
  ])('%s %j', async (url, args, outcome, code) => {
    expect(await why(url, ...args)).toMatchObject({ code, outcome });
  });

  test('captured traffic is told by the port that it was for', async () => {
    const captured = await why('http://echo:80/old', '--capture', 'redirect');
    expect(captured).toMatchObject({ outcome: { does: 'redirect' }, steps: [{ what: 'listener' }, {}, {}] });
    expect(captured.steps[0].says).toContain('routes 80');
  });

  test('a gateway, at the port of its server', async () => {
    const gateway = `---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: demo }
spec:
  selector: { app: edge }
  servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: [shop.example.com] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge, namespace: demo }
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http: [{ route: [{ destination: { host: echo, subset: v1 } }] }]
`;
    await home.write('edge.yaml', `${SERVICE}${gateway}`);
    const args = ['-f', 'edge.yaml', '--type', 'router', '--label', 'app=edge', '-o', 'json'];
    const { out } = await home.fairlead('.', 'why', 'edge.demo', 'http://shop.example.com:8080/', ...args);
    expect(JSON.parse(out)).toMatchObject({ outcome: { does: 'forward', clusters: v('v1') } });
    const other = await home.fairlead('.', 'why', 'edge.demo', 'http://shop.example.com/', ...args);
    expect(other.code).toBe(1);
  });

  test('a gateway that insists on https, and one behind a Service: asked at the port of the server', async () => {
    const yaml = `---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: demo }
spec:
  selector: { app: edge }
  servers:
    - { port: { number: 80, name: http, protocol: HTTP }, hosts: [shop.example.com, bare.example.com], tls: { httpsRedirect: true } }
    - { port: { number: 80, name: plain, protocol: HTTP }, hosts: [plain.example.com] }
    - { port: { number: 443, name: tls, protocol: TLS }, hosts: ["*.example.com"], tls: { mode: PASSTHROUGH } }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge, namespace: demo }
spec:
  hosts: [shop.example.com, plain.example.com]
  gateways: [edge]
  http: [{ route: [{ destination: { host: echo, subset: v1 } }] }]
  tls:
    - match: [{ sniHosts: [shop.example.com] }]
      route: [{ destination: { host: echo, subset: v1 } }]
---
apiVersion: v1
kind: Service
metadata: { name: edge, namespace: demo }
spec:
  selector: { app: edge }
  ports: [{ name: http, port: 80, targetPort: 8080 }, { name: tls, port: 443, targetPort: 8443 }]
---
apiVersion: v1
kind: Pod
metadata: { name: edge, namespace: demo, labels: { app: edge } }
spec: { containers: [{ name: envoy, image: envoy }] }
status: { podIP: 10.1.0.9, phase: Running, conditions: [{ type: Ready, status: "True" }] }
`;
    await home.write('insists.yaml', `${SERVICE}${yaml}`);
    const args = ['-f', 'insists.yaml', '--type', 'router', '--label', 'app=edge', '-o', 'json'];
    const at = async (url: string, ip: string) => {
      const node = `router~${ip}~edge.demo~demo.svc.cluster.local`;
      const { out } = await home.fairlead('.', 'why', node, url, ...args);
      return JSON.parse(out);
    };
    const gateway = { file: 'insists.yaml', line: expect.any(Number), document: 'Gateway/demo/edge' };
    for (const ip of ['10.1.0.9', '10.1.0.8'])
      for (const host of ['shop', 'bare'])
        expect(await at(`http://${host}.example.com/`, ip)).toMatchObject({
          outcome: {
            does: 'redirect',
            message: expect.stringContaining(`https://${host}.example.com (301)`),
          },
          steps: [{ what: 'listener' }, { what: 'host' }, { what: 'route', sources: [gateway] }],
        });
    for (const url of [
      'http://plain.example.com/',
      'http://plain.example.com:8080/',
      'https://shop.example.com/',
    ])
      expect(await at(url, '10.1.0.9')).toMatchObject({ outcome: { does: 'forward', clusters: v('v1') } });
    expect(await at('https://shop.example.com:9443/', '10.1.0.9')).toMatchObject({
      outcome: { does: 'nothing' },
    });
  });

  test('a TLS client is told by the name that it asks for', () => {
    const listener = {
      address: { socket_address: { address: '0.0.0.0', port_value: 8443 } },
      filter_chains: [
        {
          filter_chain_match: { server_names: ['*.example.com'] },
          filters: [
            {
              typed_config: {
                weighted_clusters: {
                  clusters: [
                    { name: 'a', weight: 1 },
                    { name: 'b', weight: 1 },
                  ],
                },
              },
            },
          ],
        },
      ],
    };
    const facts = { state: 'active', message: null, version: '', sources: [] };
    const resources = [{ ...facts, kind: 'listener', name: '0.0.0.0_8443', resource: listener } as const];
    const asked = (url: string) => trace(resources, readRequest(url, 'GET', []))?.outcome ?? null;
    expect(asked('https://shop.example.com:8443')).toEqual({ does: 'forward', clusters: ['a', 'b'] });
    expect(asked('https://example.com:8443')).toBeNull();
    expect(asked('https://shop.example.com')).toBeNull();
    expect(asked('http://shop.example.com:8443')).toBeNull();
  });

  test.each([
    ['a URL of something else', ['ftp://echo'], '[url-malformed]'],
    ['a connection without a port', ['tcp://echo'], '[url-malformed]'],
    ['a header without a value', ['echo', '-H', 'x'], '[header-malformed]'],
    ['an Envoy and files', ['echo', '--admin', ':1'], '[sources-clash]'],
  ])('%s is an error', async (_, args, said) => {
    const ran = await home.fairlead('.', 'why', 'web.demo', '-f', 'rules.yaml', ...args);
    expect(ran).toMatchObject({ code: 2, out: '', err: expect.stringContaining(said) });
  });
});

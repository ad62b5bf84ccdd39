import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHome, type Home } from './fairlead.ts';
import { createMeshes, ROUTES, SERVICE } from './mesh.ts';

let home: Home;
beforeAll(async () => {
  home = await createHome();
  await cp(join(import.meta.dirname, '../../examples-repo/mesh'), join(home.dir, 'mesh'), {
    recursive: true,
  });
});
afterAll(() => home.close());

const HOST = 'echo.demo.svc.cluster.local';

test('a service: ports, endpoints, subsets and routes, each with its line, as istioctl has them', async () => {
  const { code, out } = await home.fairlead('.', 'describe', 'service', 'echo.demo', '-f', 'mesh');
  expect(code).toBe(0);
  expect(out).toBe(`Service: echo.demo (${HOST})
   Written: mesh/echo/service.yaml:2 of acme
   Port: http 80/http
   Endpoints: 127.0.0.1:18081, 127.0.0.1:18082
DestinationRule: echo.demo (mesh/echo/subsets.yaml:10 of acme) for "${HOST}"
   Subset: v1 (version=v1), 1 endpoint(s)
   Subset: v2 (version=v2), 1 endpoint(s)
   No traffic policy
VirtualService: echo.demo (mesh/echo/routes.yaml:2 of acme)
   80 /*: outbound|80|v1|${HOST} (90),
      outbound|80|v2|${HOST} (10)
`);
});

test('a workload: labels, and what it is part of', async () => {
  const { code, out } = await home.fairlead('.', 'describe', 'workload', 'echo-v2', '-f', 'mesh');
  expect({ code, out }).toEqual({
    code: 0,
    out: `Workload: echo-v2.demo (127.0.0.1:18082)
   Written: mesh/echo/workloads.yaml:16 of acme
   Labels: app=echo,version=v2
--------------------
Service: echo.demo (mesh/echo/service.yaml:2 of acme)
   Port: http 80/http targets 18082
DestinationRule: echo.demo (mesh/echo/subsets.yaml:10 of acme) for "${HOST}"
   Matching subsets: v2
      (Non-matching subsets v1)
   No traffic policy
VirtualService: echo.demo (mesh/echo/routes.yaml:2 of acme)
   80 /*: outbound|80|v1|${HOST} (90),
      outbound|80|v2|${HOST} (10)
`,
  });
});

test('of a clone, with who decided it, as JSON and as text', async () => {
  const mesh = await (await createMeshes(home))();
  const { code, out } = await mesh.cli('describe', 'svc', HOST, '-o', 'json');
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    ...{ kind: 'ServiceDescription', host: HOST, namespace: 'demo', document: 'Service/demo/echo' },
    ...{ ports: [{ number: 80 }], endpoints: [], subsets: [{ name: 'v1', endpoints: 0 }, { name: 'v2' }] },
    routes: [{ document: 'VirtualService/demo/echo', file: 'routes.yaml', match: '/*' }],
  });
  const text = await mesh.cli('describe', 'service', 'echo');
  expect(text.out).toMatch(/^ {3}Decided: seq 1 at [0-9a-f]{10}, the genesis$/m);
});

describe('with a gateway, a policy and mistakes', () => {
  const MORE = `---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: demo }
spec:
  selector: { app: echo }
  servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: [shop.example.com] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge, namespace: demo }
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http: [{ route: [{ destination: { host: echo.demo.svc.cluster.local, subset: v3 } }] }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: patience, namespace: demo }
spec: { host: echo, trafficPolicy: { connectionPool: { tcp: { connectTimeout: 1s } } } }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: echo-1, namespace: demo }
spec: { address: 10.0.0.7, labels: { app: echo, version: v1 }, locality: eu/a }
---
apiVersion: v1
kind: Service
metadata: { name: echo, namespace: other }
spec: { ports: [{ name: http, port: 80 }] }
`;
  beforeAll(() => home.write('more.yaml', `${SERVICE}---\n${ROUTES(10)}${MORE}`));

  const described = (...args: readonly string[]) =>
    home.fairlead('.', 'describe', ...args, '-f', 'more.yaml');

  test('all of it is said, and what is wrong', async () => {
    const { code, out } = await described('service', 'echo.demo');
    expect(code).toBe(1);
    expect(out).toContain('\nGateway: edge.demo (more.yaml:29 of everything)\n   Hosts: shop.example.com\n');
    expect(out).toMatch(
      /\nDestinationRule: patience\.demo \(more\.yaml:\d+ of everything\) for ".*"\n {3}Traffic policy: yes\n/,
    );
    expect(out).toMatch(/\nProblems:\n(?: {3}more\.yaml:\d.*\n)* {3}more\.yaml:\d+:\d+: error FL3302 /);
  });

  test('a workload of a gateway, and where it runs', async () => {
    const { out } = await described('workload', 'echo-1.demo');
    expect(out).toContain('\n   Locality: eu/a\n');
    expect(out).toContain('\nGateway: edge.demo (more.yaml:29 of everything)\n');
  });

  test.each([
    [['service', 'echo'], '[service-ambiguous]'],
    [['service', 'ecoh.demo'], 'did you mean echo.demo?'],
    [['service', 'something.else'], '[service-unknown]'],
    [['workload', 'ecoh-1.demo'], 'did you mean echo-1.demo?'],
    [['workload', 'something.else'], '[workload-unknown]'],
  ])('%j is an error', async (args, said) => {
    expect(await described(...args)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(said) });
  });
});

import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHome, type Home } from './fairlead.ts';

let home: Home;
beforeAll(async () => {
  home = await createHome();
});
afterAll(() => home.close());

/** What `kubectl get … -o yaml` prints: items with what the cluster adds, and kinds that no mesh reads. */
const DUMP = `apiVersion: v1
kind: List
metadata: { resourceVersion: "" }
items:
- apiVersion: v1
  kind: Service
  metadata:
    name: reviews
    namespace: shop
    creationTimestamp: "2025-01-01T00:00:00Z"
    managedFields: [{ manager: kubectl }]
  spec: { selector: { app: reviews }, ports: [{ name: http, port: 80 }], clusterIP: 10.0.0.1 }
  status: { loadBalancer: {} }
- apiVersion: v1
  kind: Service
  metadata: { name: ratings, namespace: shop }
  spec: { selector: { app: rating }, ports: [{ name: http, port: 80 }] }
- apiVersion: apps/v1
  kind: Deployment
  metadata: { name: reviews, namespace: shop }
  spec: { template: { metadata: { labels: { app: reviews, version: v1 } } } }
- apiVersion: networking.istio.io/v1alpha3
  kind: VirtualService
  metadata: { name: reviews, namespace: shop, generation: 3 }
  spec:
    hosts: [reviews]
    http:
    - match: [{ uri: { prefix: /api } }]
      route: [{ destination: { host: reviews, subset: v2 } }]
    - match: [{ uri: { prefix: /api/v1 } }]
      route: [{ destination: { host: reviewz } }]
- apiVersion: networking.istio.io/v1
  kind: DestinationRule
  metadata: { name: reviews, namespace: shop }
  spec:
    host: reviews
    subsets: [{ name: v1, labels: { version: v1 } }, { name: v3, labels: { version: v3 } }]
`;

const FOUND = [
  'dump.yaml:17:11: warning FL3402 ',
  'dump.yaml:22:15: warning FL2116 ',
  'dump.yaml:29:55: error FL3302 ',
  'dump.yaml:30:7: warning FL3401 ',
  'dump.yaml:31:38: error FL3301 ',
  'dump.yaml:37:54: warning FL3403 ',
];

/** Place, severity and code of each line. */
function places(out: string): readonly string[] {
  return out.split('\n').flatMap((line) => /^\S+: \w+ FL\d{4} /.exec(line)?.[0] ?? []);
}

describe('of what nobody governs', () => {
  beforeAll(async () => {
    await home.need('.', 'mkdir', '-p', 'today/chart/templates', 'today/.github');
    await home.write('today/dump.yaml', DUMP);
    await home.write('today/chart/Chart.yaml', 'apiVersion: v2\nname: chart\n');
    await home.write(
      'today/chart/templates/a.yaml',
      'apiVersion: v1\nkind: {{ .Values.kind }}\n  x: {{ if }}\n',
    );
    await home.write('today/.github/ci.yaml', 'on: [apiVersion');
    await home.write('today/package.json', '{"name": "shop"}');
  });

  test('a dump is its items, at their own lines', async () => {
    const { code, out, err } = await home.fairlead('today', 'analyze', 'dump.yaml');
    expect({ code, found: places(out) }).toEqual({ code: 1, found: FOUND });
    expect(out).toContain('version=v3 of subset v3');
    expect(err).toContain('2 error(s), 4 warning(s) in 2 service(s)');
    expect(err).toContain('1 document(s)');
    expect(err).toContain('fairlead analyze --explain FL3302 shows');
  });

  test('a folder is searched, charts, templates and hidden folders stay out of it', async () => {
    const { code, out } = await home.fairlead('today', 'analyze');
    expect({ code, found: places(out) }).toEqual({ code: 1, found: FOUND });
  });

  test('standard input, as JSON that says what it is', async () => {
    const ran = await home.run('today', 'sh', '-c', 'fairlead analyze - -o json < dump.yaml');
    const { kind, problems, counts, others } = JSON.parse(ran.out);
    expect({ code: ran.code, kind }).toEqual({ code: 1, kind: 'Analysis' });
    expect(problems).toContainEqual(expect.objectContaining({ code: 'FL3301', file: '<stdin>', line: 31 }));
    expect({ counts, others }).toMatchObject({
      counts: { errors: 2, warnings: 4 },
      others: { Deployment: 1 },
    });
  });

  test('documents that say no kind were not looked at, and that is said', async () => {
    const texts = { 'alias.yaml': 'a: &a [x]\nb: *a\n', 'kindless.yaml': 'apiVersion: v1\nspec: {}\n' };
    await home.need('.', 'mkdir', '-p', 'kindless');
    for (const [name, text] of Object.entries(texts)) await home.write(`kindless/${name}`, text);
    const all = await home.fairlead('kindless', 'analyze', 'alias.yaml', 'kindless.yaml');
    expect(all).toMatchObject({ code: 0, out: 'no manifests of a mesh\n' });
    expect(all.err.replace(/\s+/g, ' ')).toContain(
      'documents of 2 file(s) that say no kind (alias.yaml, kindless.yaml) were left out',
    );
    const json = await home.fairlead('kindless', 'analyze', '-o', 'json');
    expect(JSON.parse(json.out)).toMatchObject({ counts: { others: 2 }, others: { none: 2 } });
  });

  test("of a whole cluster, what is not of a mesh is nobody's mistake", async () => {
    const items = [
      '{ apiVersion: v1, kind: Namespace, metadata: { name: shop } }',
      '{ apiVersion: v1, kind: ConfigMap, metadata: { name: app, namespace: shop }, data: { key: value } }',
      '{ apiVersion: v1, kind: Secret, metadata: { name: app, namespace: shop }, data: { key: eA== } }',
      '{ apiVersion: v1, kind: ServiceAccount, metadata: { name: app, namespace: shop } }',
    ];
    await home.write('cluster.yaml', `apiVersion: v1\nkind: List\nitems: [${items.join(', ')}]\n`);
    expect(await home.fairlead('.', 'analyze', 'cluster.yaml')).toMatchObject({
      code: 0,
      out: 'no problems\n',
    });
    const secret = 'apiVersion: v1\nkind: Secret\nmetadata: { name: app }\ndata: { key: eA== }\n';
    await home.write('secret.yaml', secret);
    const { out } = await home.fairlead('.', 'analyze', 'secret.yaml');
    expect(places(out)).toEqual(['secret.yaml:2:7: error FL2115 ']);
  });

  test('a list of one kind, whose items need not say it', async () => {
    const items = '[{ metadata: { name: a }, spec: { ports: [{ port: 0 }] } }]';
    await home.write('list.yaml', `apiVersion: v1\nkind: ServiceList\nitems: ${items}\n`);
    const { out } = await home.fairlead('.', 'analyze', 'list.yaml');
    expect(places(out)).toEqual(['list.yaml:3:58: error FL2111 ']);
  });

  test.each([
    ['error', 0],
    ['warning', 1],
  ])('--fail-on %s of a warning: %i', async (severity, code) => {
    const old = 'apiVersion: networking.istio.io/v1beta1\nkind: DestinationRule\nmetadata: { name: a }\n';
    const service = 'apiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec: { ports: [{ port: 80 }] }\n';
    await home.write('old.yaml', `${old}spec: { host: a }\n---\n${service}`);
    const ran = await home.fairlead('.', 'analyze', 'old.yaml', '--fail-on', severity);
    expect({ code: ran.code, found: places(ran.out) }).toEqual({
      code,
      found: ['old.yaml:1:13: warning FL2116 '],
    });
  });

  test.each([
    ['a path that is not there', ['nowhere'], 2, '[path-unreadable]'],
    ['an unknown severity', ['--fail-on', 'note'], 64, 'note'],
    ['an unknown code', ['--explain', 'FL9999'], 2, '[code-unknown]'],
  ])('%s is an error', async (_, args, code, said) => {
    const ran = await home.fairlead('.', 'analyze', ...args);
    expect(ran).toMatchObject({ code, out: '', err: expect.stringContaining(said) });
  });

  test('--explain says what a code means', async () => {
    const { code, out } = await home.fairlead('.', 'analyze', '--explain', 'fl3301');
    expect(code).toBe(0);
    expect(out).toMatch(/^FL3301: unknown host \(error\)\n/);
    expect(out).toContain('\n  fix: correct the host');
    expect(out).toContain('host: reviewz } }] # FL3301\n```\n\n## Fix\n');
  });
});

describe('of a mesh', () => {
  beforeAll(async () => {
    await cp(join(import.meta.dirname, '../../examples-repo'), join(home.dir, 'repo'), { recursive: true });
  });

  test('each scope has what it owns: nothing is wrong with the examples', async () => {
    const { code, out, err } = await home.fairlead('repo', 'analyze', '--fail-on', 'warning');
    expect({ code, out }).toEqual({ code: 0, out: 'no problems\n' });
    expect(err).toContain('2 scope(s)');
  });

  test("another scope's host is refused with its owner's name, and the way to ask", async () => {
    const route = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: mine, namespace: demo }
spec: { hosts: [pay.payments.svc.cluster.local], http: [{ directResponse: { status: 200 } }] }
`;
    await home.write('repo/mesh/hello/mine.yaml', route);
    const { code, out } = await home.fairlead('repo/mesh', 'analyze');
    expect({ code, found: places(out) }).toEqual({ code: 1, found: ['hello/mine.yaml:4:17: error FL3102 '] });
    expect(out).toContain('is owned by acme.payments, not by acme; ask acme.payments for it');
  });
});

describe('patches of EnvoyFilters that change nothing', () => {
  const SHOP = `apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { selector: { app: cart }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
---
`;
  const POD = `apiVersion: v1
kind: Pod
metadata: { name: cart, namespace: shop, labels: { app: cart } }
spec: { containers: [{ name: a, image: a }] }
status: { podIP: 10.0.0.1 }
---
`;
  const EDGE = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop }
spec: { selector: { istio: edge }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }] }
---
`;
  const filter = (patch: string) => `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: by-hand, namespace: shop }
spec:
  configPatches:
    - ${patch}
`;
  const removed = (match: string, applyTo = 'LISTENER') =>
    filter(`{ applyTo: ${applyTo}, match: { ${match} }, patch: { operation: REMOVE } }`);
  const inChain = (context: string, name: string) =>
    filter(
      `{ applyTo: HTTP_FILTER, match: { context: ${context}, listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager, subFilter: { name: ${name} } } } } }, patch: { operation: REMOVE } }`,
    );
  const FAULT = 'envoy.filters.http.fault';
  const idle = async (name: string, ...args: readonly string[]) => {
    const { out } = await home.fairlead('.', 'analyze', name, '-o', 'json', ...args);
    const { problems } = JSON.parse(out) as { problems: readonly { code: string; line: number }[] };
    return problems.filter(({ code }) => code === 'FL3411').map(({ line }) => line);
  };

  test.each([
    ['a filter that is in no chain', SHOP + inChain('SIDECAR_OUTBOUND', 'nobody'), true],
    ['a filter that is in one', SHOP + inChain('SIDECAR_OUTBOUND', FAULT), false],
    [
      'a whole cluster',
      SHOP + removed('cluster: { service: cart.shop.svc.cluster.local }', 'CLUSTER'),
      false,
    ],
    [
      'a cluster of nobody',
      SHOP + removed('cluster: { service: card.shop.svc.cluster.local }', 'CLUSTER'),
      true,
    ],
    [
      'a listener of captured traffic alone',
      SHOP + removed('context: SIDECAR_OUTBOUND, listener: { name: virtualOutbound }'),
      false,
    ],
    ['a listener of nobody', SHOP + removed('context: SIDECAR_OUTBOUND, listener: { name: virtual }'), true],
    ['a proxy of which nothing is known', SHOP + inChain('SIDECAR_INBOUND', 'nobody'), false],
    [
      'the port of a workload',
      SHOP + POD + removed('context: SIDECAR_INBOUND, listener: { portNumber: 8080 }'),
      false,
    ],
    [
      'another port of it',
      SHOP + POD + removed('context: SIDECAR_INBOUND, listener: { portNumber: 80 }'),
      true,
    ],
    ['a version', SHOP + removed('proxy: { proxyVersion: 1.9.* }, listener: { name: virtual }'), false],
    ['a gateway that is not here', SHOP + inChain('GATEWAY', 'nobody'), false],
    ['a gateway', SHOP + EDGE + inChain('GATEWAY', 'nobody'), true],
    ['a filter of it', SHOP + EDGE + inChain('GATEWAY', FAULT), false],
  ])('%s', async (name, text, isIdle) => {
    const file = `idle-${name.replaceAll(' ', '-')}.yaml`;
    await home.write(file, text);
    expect((await idle(file)).length).toBe(isIdle ? 1 : 0);
  });

  test('of more workloads than are tried, what is the same for all', async () => {
    const pods = Array.from({ length: 40 }, (_, index) =>
      POD.replaceAll('cart', `c${index}`).replace('10.0.0.1', `10.0.0.${index + 1}`),
    );
    const of = async (name: string, patch: string) => {
      await home.write(name, SHOP + pods.join('') + patch);
      return (await idle(name)).length;
    };
    expect(await of('idle-many.yaml', removed('cluster: { service: card }', 'CLUSTER'))).toBe(1);
    expect(await of('idle-inbound.yaml', inChain('SIDECAR_INBOUND', 'nobody'))).toBe(0);
  });

  test('of a governed folder, too', async () => {
    await home.need('.', 'mkdir', '-p', 'idle-mesh');
    await home.write(
      'idle-mesh/scope.yaml',
      'metadata: { name: acme }\nspec: { owns: { namespaces: [shop] } }\n',
    );
    await home.write('idle-mesh/filter.yaml', SHOP + removed('cluster: { service: card }', 'CLUSTER'));
    expect(await idle('idle-mesh')).toEqual([11]);
  });
});

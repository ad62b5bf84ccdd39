import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createHome, type Home } from './fairlead.ts';
import { createMeshes, type Mesh, ROUTES, SERVICE } from './mesh.ts';

let home: Home;
let fresh: () => Promise<Mesh>;
let mesh: Mesh;
beforeAll(async () => {
  home = await createHome();
  fresh = await createMeshes(home);
});
beforeEach(async () => {
  mesh = await fresh();
  await mesh.git('checkout', '--quiet', '-b', 'change');
});
afterAll(() => home.close());

const HOST = 'echo.demo.svc.cluster.local';

/** The plan of the worktree against main. */
async function planned(files: Readonly<Record<string, string>>, ...args: readonly string[]) {
  for (const [path, text] of Object.entries(files)) await mesh.write(`mesh/${path}`, text);
  await mesh.commit('Change');
  return mesh.cli('plan', '--main', 'main', ...args);
}

async function document(files: Readonly<Record<string, string>>) {
  return JSON.parse((await planned(files, '-o', 'json')).out);
}

/** The one rule of ROUTES with more said about it. */
const rule = (more: string) => `${ROUTES(10)}      ${more}\n`;

describe('what changes', () => {
  test('the fields of the manifest, the requests of the host, and the proxies', async () => {
    const { manifests, hosts, differences, risks } = await document({ 'routes.yaml': ROUTES(50) });
    const weight = (index: number) => `spec.http[0].route[${index}].weight`;
    expect(manifests).toEqual([
      {
        ...{ document: 'VirtualService/demo/echo', change: 'changed', file: 'routes.yaml', line: 1 },
        fields: [
          { path: weight(0), line: 11, before: 90, after: 50 },
          { path: weight(1), line: 13, before: 10, after: 50 },
        ],
      },
    ]);
    expect(hosts).toEqual([
      {
        ...{ host: `${HOST}:80`, change: 'changed', proxies: ['sidecars of demo'] },
        routes: [
          {
            match: '/*',
            before: expect.stringContaining(`${HOST}:80 v1 (90), ${HOST}:80 v2 (10)`),
            after: expect.stringContaining(`${HOST}:80 v1 (50), ${HOST}:80 v2 (50)`),
          },
        ],
      },
    ]);
    expect(differences).toMatchObject([{ proxies: 'sidecars of demo', type: 'RouteConfiguration' }]);
    expect(risks).toEqual([]);
  });

  test('as text, with the lines of the file', async () => {
    const { code, out } = await planned({ 'routes.yaml': ROUTES(50) });
    expect(code).toBe(1);
    expect(out).toContain('\nVirtualService/demo/echo changed at routes.yaml:1\n');
    expect(out).toContain('  11: spec.http[0].route[0].weight: 90 -> 50\n');
    expect(out).toContain(`\nhost ${HOST}:80 changed for sidecars of demo\n`);
  });

  test('endpoints and clusters that come and go', async () => {
    const workload = (address: string) => `apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: echo-1, namespace: demo }
spec: { address: ${address}, labels: { app: echo, version: v1 } }
`;
    const { manifests, differences } = await document({ 'echo-1.yaml': workload('10.0.0.7') });
    expect(manifests).toMatchObject([{ document: 'WorkloadEntry/demo/echo-1', change: 'added' }]);
    expect(new Set(differences.map(({ type }: { type: string }) => type))).toContain('ClusterLoadAssignment');
    const text = SERVICE.replace('subsets: [{ name: v1, labels: { version: v1 } }, ', 'subsets: [');
    const routes = ROUTES(100).replace(/.*subset: v1.*\n.*\n/, '');
    const removed = await document({ 'service.yaml': text, 'routes.yaml': routes });
    expect(removed.differences).toContainEqual(
      expect.objectContaining({ change: 'removed', type: 'Cluster', name: `outbound|80|v1|${HOST}` }),
    );
  });

  test('an item that is put in front of a list changes no other', async () => {
    const first = '    - match: [{ uri: { prefix: /new } }]\n      redirect: { uri: / }\n';
    const { manifests } = await document({
      'routes.yaml': ROUTES(10).replace('  http:\n', `  http:\n${first}`),
    });
    expect(manifests[0].fields).toMatchObject([
      { path: 'spec.http[0]', line: 9, after: { redirect: { uri: '/' } } },
    ]);
  });

  test('a gateway and what it serves', async () => {
    const gateway = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: demo }
spec:
  selector: { app: edge }
  servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: ["*.example.com"] }]
`;
    const bound = ROUTES(10).replace(`hosts: [${HOST}]`, `hosts: [shop.example.com]\n  gateways: [edge]`);
    const { hosts, risks } = await document({
      'gateway.yaml': gateway,
      'edge.yaml': bound.replace('name: echo', 'name: edge'),
    });
    expect(hosts).toContainEqual(
      expect.objectContaining({ host: 'shop.example.com:8080', proxies: ['gateways app=edge of demo'] }),
    );
    expect(risks).toMatchObject([{ risk: 'wildcard-opened', file: 'gateway.yaml', line: 1 }]);
  });
});

describe('on which proxies', () => {
  const labelled = (subset: string) =>
    ROUTES(10).replace(
      '  http:\n',
      `  http:\n    - match: [{ sourceLabels: { app: web } }]\n      route: [{ destination: { host: ${HOST}, subset: ${subset} } }]\n`,
    );

  test('a rule for some clients is told of these alone', async () => {
    await mesh.write('mesh/routes.yaml', labelled('v1'));
    await mesh.commit('Web', 'alice');
    await mesh.signAs('bo');
    await mesh.cli('approve', '--yes');
    await mesh.git('branch', '--force', 'main', 'change');
    const { hosts, differences } = await document({ 'routes.yaml': labelled('v2') });
    expect(hosts).toMatchObject([{ host: `${HOST}:80`, proxies: ['sidecars app=web of demo'] }]);
    expect(differences).toMatchObject([{ proxies: 'sidecars app=web of demo', name: 'http_proxy' }]);
  });

  test('what its own workloads listen to, where the service changes', async () => {
    const workload = `apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: echo-1, namespace: demo }
spec: { address: 10.0.0.7, labels: { app: echo } }
`;
    const { differences } = await document({ 'echo-1.yaml': workload });
    const whose = 'sidecars app=echo of demo';
    expect(differences).toContainEqual(
      expect.objectContaining({ proxies: whose, type: 'Listener', change: 'added' }),
    );
    expect(differences).toContainEqual(
      expect.objectContaining({ proxies: whose, type: 'Cluster', name: 'inbound|80||' }),
    );
  });
});

describe('risks', () => {
  beforeEach(async () => {
    await mesh.write('mesh/routes.yaml', rule('timeout: 5s\n      retries: { attempts: 2 }'));
    await mesh.commit('Patience', 'alice');
    await mesh.signAs('bo');
    await mesh.cli('approve', '--yes');
    await mesh.git('branch', '--force', 'main', 'change');
  });

  test.each([
    ['a timeout that is gone', { 'routes.yaml': rule('retries: { attempts: 2 }') }, 'timeout-removed'],
    ['many retries', { 'routes.yaml': rule('timeout: 5s\n      retries: { attempts: 9 }') }, 'retry-storm'],
    [
      'errors on purpose',
      {
        'routes.yaml': rule(
          'timeout: 5s\n      retries: { attempts: 2 }\n      fault: { abort: { httpStatus: 500, percentage: { value: 1 } } }',
        ),
      },
      'fault-injected',
    ],
    ['a subset that nobody defines', { 'service.yaml': SERVICE.replaceAll('v2', 'v3') }, 'unknown-subset'],
    ['a host that is gone', { 'service.yaml': SERVICE.split('---\n')[1] ?? '' }, 'host-removed'],
  ])('%s', async (_, files, risk) => {
    const { risks } = await document(files);
    expect(risks.map((one: { risk: string }) => one.risk)).toEqual([risk]);
    expect(risks[0].line).toBeGreaterThan(risk === 'host-removed' ? 0 : 7);
  });

  test('a host that loses all of its endpoints', async () => {
    const workload = (labels: string) => `apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: echo-1, namespace: demo }
spec: { address: 10.0.0.7, labels: { ${labels} } }
`;
    await mesh.write('mesh/echo-1.yaml', workload('app: echo'));
    await mesh.commit('One', 'alice');
    await mesh.signAs('bo');
    await mesh.cli('approve', '--yes');
    await mesh.git('branch', '--force', 'main', 'change');
    const { risks, problems } = await document({ 'echo-1.yaml': workload('app: ecoh') });
    expect(risks).toMatchObject([{ risk: 'endpoints-gone', file: 'service.yaml', line: 1 }]);
    expect(problems).toContainEqual(expect.objectContaining({ code: 'FL3402', file: 'service.yaml' }));
  });

  const filter = (timeout: string) => `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: timeout, namespace: demo }
spec:
  workloadSelector: { labels: { app: web } }
  configPatches:
  - applyTo: CLUSTER
    match: { cluster: { service: echo.demo.svc.cluster.local } }
    patch: { operation: MERGE, value: { connect_timeout: ${timeout} } }
  - applyTo: ROUTE_CONFIGURATION
    patch: { operation: MERGE, value: { response_headers_to_remove: [a] } }
`;

  test('an EnvoyFilter; who hears it is told by its labels', async () => {
    const { risks, problems, differences } = await document({ 'filter.yaml': filter('1s') });
    expect(risks).toMatchObject([
      { risk: 'raw-configuration', file: 'filter.yaml', line: 7 },
      { risk: 'raw-configuration', file: 'filter.yaml', line: 10 },
    ]);
    expect(problems).toContainEqual(expect.objectContaining({ code: 'FL3410', file: 'filter.yaml' }));
    expect(JSON.stringify(differences)).toContain('sidecars app=web of demo');
  });

  test('of an EnvoyFilter that was there, only what is changed', async () => {
    await mesh.write('mesh/filter.yaml', filter('1s'));
    await mesh.commit('A filter', 'alice');
    await mesh.signAs('bo');
    await mesh.cli('approve', '--yes');
    await mesh.git('branch', '--force', 'main', 'change');
    const { risks } = await document({ 'filter.yaml': filter('2s') });
    expect(risks).toMatchObject([{ risk: 'raw-configuration', line: 7 }]);
  });

  test('what was there before is no risk of the change', async () => {
    const { scopes, risks } = await document({
      'routes.yaml': rule('timeout: 4s\n      retries: { attempts: 2 }'),
    });
    expect({ count: scopes.length, risks }).toEqual({ count: 1, risks: [] });
  });
});

describe('all of it at once', () => {
  const WORKLOAD = `apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: echo-1, namespace: demo }
spec: { address: 10.0.0.7, labels: { app: echo, version: v1 } }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: any, namespace: demo }
spec: { hosts: ["*.example.org"], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: NONE }
`;
  const RISKS = ['wildcard-opened', 'unknown-subset', 'timeout-removed', 'retry-storm'];
  const files = {
    'routes.yaml': rule('retries: { attempts: 9 }').replace('subset: v2', 'subset: v3'),
    'more.yaml': WORKLOAD,
  };
  beforeEach(async () => {
    await mesh.write('mesh/routes.yaml', rule('timeout: 5s'));
    await mesh.commit('Patience', 'alice');
    await mesh.signAs('bo');
    await mesh.cli('approve', '--yes');
    await mesh.git('branch', '--force', 'main', 'change');
  });

  test('every risk by its name, the problems and the quorum, in every format', async () => {
    const { risks, problems, scopes } = await document(files);
    expect(risks.map(({ risk }: { risk: string }) => risk).sort()).toEqual(RISKS.toSorted());
    expect(problems).toContainEqual(
      expect.objectContaining({ code: 'FL3302', file: 'routes.yaml', line: 12 }),
    );
    expect(scopes).toMatchObject([
      { scope: 'acme', class: 'update', seq: 3, quorum: { needed: 2, signed: [] } },
    ]);
    const [text, markdown] = [
      (await mesh.cli('plan', '--main', 'main')).out,
      (await mesh.cli('plan', '--main', 'main', '-o', 'markdown')).out,
    ];
    for (const risk of RISKS) {
      expect(text).toMatch(new RegExp(`^(?:routes|more)\\.yaml:\\d+: risk ${risk}: `, 'm'));
      expect(markdown).toContain(`\n- **${risk}** `);
    }
    for (const out of [text, markdown]) {
      expect(out).toMatch(/^routes\.yaml:12:\d+: error FL3302 /m);
      expect(out).toContain('0 of 2: nobody signed; 2 of alice, bo, cy missing');
    }
  });

  test('clusters, endpoints, listeners, routes and hosts, each with the proxies that hear it', async () => {
    const good = { ...files, 'routes.yaml': rule('retries: { attempts: 9 }') };
    const { differences, hosts } = await document(good);
    const heard = differences.map(
      ({ change, type, proxies }: Record<string, string>) => `${change} ${type}: ${proxies}`,
    );
    expect(heard).toEqual(
      expect.arrayContaining([
        'added Cluster: sidecars of demo',
        'changed ClusterLoadAssignment: sidecars of demo',
        'changed RouteConfiguration: sidecars of demo',
        'added Listener: sidecars app=echo,version=v1 of demo',
      ]),
    );
    expect(hosts).toMatchObject([
      { host: '*.example.org:80', change: 'added' },
      { host: `${HOST}:80`, change: 'changed' },
    ]);
  });
});

describe('what is told apart', () => {
  const forUser = (name: string, subset: string) =>
    `    - match: [{ headers: { user: { exact: ${name} } } }]\n      route: [{ destination: { host: ${HOST}, subset: ${subset} } }]\n`;
  const routes = (bo: string) =>
    ROUTES(10).replace('  http:\n', `  http:\n${forUser('al', 'v1')}${forUser('bo', bo)}`);

  test('two rules that differ in the value of a header', async () => {
    await mesh.write('mesh/routes.yaml', routes('v1'));
    await mesh.commit('Users', 'alice');
    await mesh.signAs('bo');
    await mesh.cli('approve', '--yes');
    await mesh.git('branch', '--force', 'main', 'change');
    const { hosts } = await document({ 'routes.yaml': routes('v2') });
    expect(hosts[0].routes).toEqual([
      {
        match: '/* user=bo',
        before: expect.stringContaining(':80 v1'),
        after: expect.stringContaining(':80 v2'),
      },
    ]);
  });

  test('a rule of which something else changes than where it leads', async () => {
    const { hosts } = await document({ 'routes.yaml': rule('headers: { request: { set: { a: b } } }') });
    expect(hosts[0].routes).toEqual([
      {
        match: '/*',
        before: expect.not.stringContaining('with another'),
        after: expect.stringMatching(/, with another request_headers_to_add$/),
      },
    ]);
  });
});

describe('as Markdown', () => {
  test('a comment for a pull request: quorum, risks, problems, the difference, and who hears it', async () => {
    const text = rule('retries: { attempts: 9 }').replace('subset: v2', 'subset: v1');
    const { code, out } = await planned({ 'routes.yaml': text }, '-o', 'markdown');
    expect(code).toBe(1);
    expect(out).toMatch(/^### Fairlead: `acme`\n/);
    expect(out).toContain('| `acme` | `update` | `2` | `0 of 2` | ');
    expect(out).toContain('- **retry-storm** ');
    expect(out).not.toContain('stays at');
    expect(out).toContain(
      '\n-   spec.http[0].route[1].destination.subset: v2\n+   spec.http[0].route[1].destination.subset: v1 # routes.yaml:12\n',
    );
    expect(out).toContain(`\n| \`${HOST}:80\` | \`/*\` | `);
    expect(out).toContain('<details><summary>1 resource(s) change for sidecars of demo</summary>');
  });

  test('a scope with an error of its own stays as it is, and what the head says is shown all the same', async () => {
    const text = rule('retries: { attempts: 9 }').replace('subset: v2', 'subset: v3');
    const { code, out } = await planned({ 'routes.yaml': text }, '-o', 'markdown');
    expect(code).toBe(1);
    expect(out).toContain('\n- **error** acme: stays at what it served at seq 1, because of 1 error below\n');
    expect(out).toContain('- **retry-storm** ');
    expect(out).toContain('- **unknown-subset** ');
    expect(out).toMatch(/\n```diff\nroutes\.yaml:\d+:\d+: error FL3302 /);
    expect(out).toContain(
      '\n-   spec.http[0].route[1].destination.subset: v2\n+   spec.http[0].route[1].destination.subset: v3 # routes.yaml:12\n',
    );
    expect(out).toContain('No proxy routes anything otherwise.');
    const plain = await planned({ 'routes.yaml': text });
    expect(plain.out).toContain('\nacme: stays at what it served at seq 1, because of 1 error below\n');
    expect(JSON.parse((await planned({ 'routes.yaml': text }, '-o', 'json')).out).kept).toEqual([
      { scope: 'acme', seq: 1, errors: 1 },
    ]);
  });

  test('what others have written ends no block and makes no link', async () => {
    const name = '"``` <b> [x](y) |"';
    const hostile = ROUTES(10).replace('    - route:', `    - name: ${name}\n      route:`);
    const { out } = await planned({ 'routes.yaml': hostile }, '-o', 'markdown');
    expect(out).toContain('\n````diff\n');
    const outside = out.replace(/^(`{3,})diff\n[\s\S]*?\n\1$/gm, '').replace(/`[^`\n]*`/g, '');
    expect(outside).not.toMatch(/<b>|\]\(/);
  });

  test('nothing changes', async () => {
    const { code, out } = await mesh.cli('plan', '--main', 'main', '-o', 'markdown');
    expect(code).toBe(0);
    expect(out).toMatch(/^### Fairlead: [0-9a-f]{10} changes nothing\n/);
  });
});

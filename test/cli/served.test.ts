import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createServer, type Server } from '../../src/main.ts';
import { serving } from '../e2e/stage.ts';
import { noRedis, repositoryOf, world } from '../server.ts';
import { type Connected, connectProxy } from './connect.ts';
import { createHome, type Home } from './fairlead.ts';

/**
 * What a server says of its proxies, and what a clone says of them without a server: the same, byte for byte, whatever has
 * happened to the scopes.
 */

const WEB = { id: 'sidecar~10.0.0.9~web.shop~shop.svc.cluster.local', labels: { app: 'web' } };
const EDGE = { id: 'router~10.0.0.8~edge.shop~shop.svc.cluster.local', labels: { app: 'edge' } };

const service = (name: string, port: string, namespace = 'shop') => `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { selector: { app: ${name} }, ports: [{ ${port} }] }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: ${name}-1, namespace: ${namespace} }
spec: { address: 10.0.1.1, labels: { app: ${name} } }
---
`;

const PROXIES = `apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: web, namespace: shop }
spec: { address: 10.0.0.9, labels: { app: web } }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { selector: { app: web }, ports: [{ name: http, port: 8080 }] }
`;

const ROUTES = (more: string, v2: string) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: cart, namespace: shop }
spec:
  hosts: [cart]
${more}  http:
    - match: [{ uri: { prefix: /teapot } }]
      directResponse: { status: 418 }
    - match: [{ uri: { prefix: /team } }]
      delegate: { name: team }
    - name: patched
      match: [{ uri: { prefix: /patched } }]
      route: [{ destination: { host: cart } }]
    - route: [{ destination: { host: ${v2} } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: team, namespace: shop }
spec:
  http:
    - match: [{ uri: { prefix: /team/a } }]
      route: [{ destination: { host: plain } }]
    - route: [{ destination: { host: cart } }]
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: patience, namespace: shop }
spec:
  workloadSelector: { labels: { app: web } }
  configPatches:
    - applyTo: HTTP_ROUTE
      match: { routeConfiguration: { vhost: { route: { name: patched } } } }
      patch: { operation: MERGE, value: { route: { idle_timeout: 7s } } }
`;

const REST = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: rated, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: rated }]
  rules:
    - matches: [{ path: { value: /a } }]
      backendRefs: [{ name: rated, port: 80 }]
    - matches: [{ path: { value: /a/longer } }]
      backendRefs: [{ name: cart, port: 80 }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: db, namespace: shop }
spec:
  hosts: [db]
  tcp:
    - match: [{ sourceLabels: { app: nobody } }]
      route: [{ destination: { host: db } }]
    - route: [{ destination: { host: db, port: { number: 5432 } } }]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop }
spec:
  selector: { app: edge }
  servers: [{ port: { number: 8081, name: http, protocol: HTTP }, hosts: [shop.example.com] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge, namespace: shop }
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http:
    - match: [{ uri: { prefix: /old } }]
      redirect: { uri: /new }
    - route: [{ destination: { host: cart } }]
`;

const SERVICES = ['cart', 'plain', 'rated'].map((name) => service(name, 'name: http, port: 80')).join('');

const FILES: Readonly<Record<string, string>> = {
  'services.yaml': `${SERVICES}${service('db', 'name: tcp, port: 5432')}${PROXIES}`,
  'routes.yaml': ROUTES('', 'cart'),
  'rest.yaml': REST,
};

let home: Home;
let server: Server;
const connected: Connected[] = [];
beforeAll(async () => {
  home = await createHome();
  await home.key('alice');
  await home.need('.', 'git', 'init', '--quiet', 'clone');
  await git('config', 'user.name', 'Alice');
  await git('config', 'user.email', 'alice@example.test');
  await git('config', 'user.signingkey', join(home.dir, 'alice.pub'));
  await home.need('clone', 'fairlead', 'init', '--name', 'acme', '--anchor', 'alice=../alice.pub');
  for (const [file, text] of Object.entries(FILES)) await home.write(`clone/mesh/${file}`, text);
  await commit('Begin');
  await home.need('clone', 'fairlead', 'trust');
  await serve();
});
afterAll(async () => {
  for (const each of connected) each.close();
  await server?.close();
  await home.close();
});

const git = (...args: readonly string[]) => home.need('clone', 'git', ...args);

async function commit(message: string): Promise<string> {
  await git('add', '--all');
  await git('commit', '--quiet', '-S', '-m', message);
  return git('rev-parse', 'HEAD');
}

async function serve(): Promise<void> {
  const clone = join(home.dir, 'clone');
  const free = { host: '127.0.0.1', port: 0 };
  server = await createServer(
    {
      dataDir: join(home.dir, 'state'),
      repositories: [repositoryOf({ repository: clone, pin: join(clone, '.git/fairlead/pin.json') })],
      ...{
        removalTimeoutMs: 30_000,
        maxConnectionAgeMs: null,
        keepaliveMs: 30_000,
        otlpEndpoint: null,
        ...noRedis,
        xds: free,
        http: free,
      },
    },
    world,
  );
  await serving(server, await git('rev-parse', 'main'));
  for (const node of [WEB, EDGE]) connected.push(await connectProxy(server, node));
}

const address = () => `http://127.0.0.1:${server.httpPort}`;
const json = async (...args: readonly string[]) => {
  const { out } = await home.fairlead('clone', ...args, '-o', 'json');
  return JSON.parse(out);
};

type Resource = { readonly name?: string; readonly cluster_name?: string };

/** Every resource of both proxies, as the server has it and as `translate` makes it of the clone. */
async function compareResources(): Promise<void> {
  for (const { id } of [WEB, EDGE]) {
    const { items } = await json('proxy-config', 'all', id, '--server', address());
    const { clusters, endpoints, listeners, routes } = await json('translate', '--proxy', id, ...labels(id));
    const made: readonly Resource[] = [...clusters, ...endpoints, ...listeners, ...routes];
    const sent: readonly { readonly resource: Resource; readonly version: string }[] = items;
    const written = (all: readonly Resource[]) => all.map((one) => JSON.stringify(one)).sort();
    expect(made.length).toBeGreaterThan(5);
    expect(written(sent.map(({ resource }) => resource))).toEqual(written(made));
    // A version is a hash of the bytes.
    const { out } = await home.fairlead('clone', 'translate', '--proxy', id, ...labels(id), '-o', 'wide');
    const versions = new Set(out.match(/\b[0-9a-f]{16}\b/g));
    expect(versions.size).toBeGreaterThan(5);
    const known = new Set(sent.map(({ version }) => version));
    expect([...versions].filter((version) => !known.has(version))).toEqual([]);
  }
}

const labels = (id: string) => (id === EDGE.id ? ['--label', 'app=edge'] : []);

/** What the server and the clone say of a request. They differ in what only one of them knows: whether it was acknowledged. */
async function whys(id: string, url: string) {
  const [online, offline] = await Promise.all([
    json('why', id, url, '--server', address()),
    json('why', id, url, '--offline', ...labels(id)),
  ]);
  const told = ({ steps, ...rest }: typeof online) => ({
    ...rest,
    steps: steps.map(({ state: _, ...step }: { readonly state: string }) => step),
  });
  expect(told(online)).toEqual(told(offline));
  return online;
}

/** Each with what stands on the line that the step is said to be from. */
const REQUESTS = [
  ['a rule of a VirtualService', WEB, 'http://cart/x', 'route', '- route: [{ destination: { host: cart } }]'],
  ['a direct response', WEB, 'http://cart/teapot', 'route', '- match: [{ uri: { prefix: /teapot } }]'],
  ['a rule of a delegate', WEB, 'http://cart/team/a', 'route', '- match: [{ uri: { prefix: /team/a } }]'],
  ['a route that an EnvoyFilter patches', WEB, 'http://cart/patched', 'route', '- name: patched'],
  ['the EnvoyFilter that does', WEB, 'http://cart/patched', 'host', '- applyTo: HTTP_ROUTE'],
  ['a service without a rule', WEB, 'http://plain/', 'route', 'apiVersion: v1'],
  [
    'a rule of an HTTPRoute',
    WEB,
    'http://rated/a/longer',
    'route',
    '- matches: [{ path: { value: /a/longer } }]',
  ],
  ['a rule for connections', WEB, 'tcp://db:5432', 'listener', '- route: [{ destination: { host: db, port'],
  ['a redirect', EDGE, 'http://shop.example.com:8081/old', 'route', '- match: [{ uri: { prefix: /old } }]'],
  [
    'a route of a gateway',
    EDGE,
    'http://shop.example.com:8081/',
    'route',
    '- route: [{ destination: { host: cart',
  ],
] as const;

describe('of what a quorum accepted', () => {
  test('every resource is the same', compareResources);

  test.each(REQUESTS)('%s', async (_, { id }, url, what, text) => {
    const { steps, evidence } = await whys(id, url);
    const step: Step = steps.find((one: Step) => one.what === what);
    const lines = step.sources.map(({ file, line }) => FILES[file]?.split('\n')[line - 1]?.trim() ?? '');
    expect(lines.filter((one) => one.startsWith(text))).not.toEqual([]);
    expect(evidence).toMatchObject([{ scope: 'acme', seq: 1, signers: [] }]);
  });

  test('nothing is for it: 1, by both', async () => {
    for (const source of [['--server', address()], ['--offline']])
      expect(await home.fairlead('clone', 'why', WEB.id, 'tcp://db:1', ...source)).toMatchObject({ code: 1 });
  });
});

type Step = {
  readonly what: string;
  readonly sources: readonly { readonly file: string; readonly line: number }[];
};

describe('after', () => {
  const lineOf = async (url: string, what = 'route') => {
    const { steps, evidence } = await whys(WEB.id, url);
    const step = steps.find((one: { readonly what: string }) => one.what === what);
    return { ...step.sources[0], evidence };
  };

  test('lines that moved within a manifest, which change nothing that is sent', async () => {
    await home.write('clone/mesh/routes.yaml', ROUTES('  # one\n  # more\n', 'cart'));
    await home.write('clone/mesh/rest.yaml', REST.replace('  tcp:\n', '  # one more\n  tcp:\n'));
    await serving(server, await commit('Comments'));
    await compareResources();
    expect(await lineOf('http://cart/x')).toMatchObject({
      line: 16,
      evidence: [{ seq: 2, signers: ['alice'] }],
    });
    expect(await lineOf('tcp://db:5432', 'listener')).toMatchObject({ line: 21 });
  });

  test('an error, with which the scope stays at its last good state', async () => {
    await home.write('clone/mesh/routes.yaml', ROUTES('', 'crat'));
    await serving(server, await commit('A host that is not there'));
    const { out } = await home.fairlead('clone', 'status', '--server', address());
    expect(out).toContain('acme: seq 2 is served, because seq 3 has 1 error');
    await compareDegraded();
  });

  test('a restart of the server in that state', async () => {
    await server.close();
    for (const each of connected.splice(0)) each.close();
    await serve();
    await compareDegraded();
  });

  async function compareDegraded(): Promise<void> {
    await compareResources();
    expect(await lineOf('http://cart/x')).toMatchObject({
      line: 16,
      evidence: [{ seq: 2, signers: ['alice'] }],
    });
  }

  test('a split, which moves some of it to a new scope', async () => {
    await home.write('clone/mesh/routes.yaml', ROUTES('', 'cart'));
    await commit('Corrected');
    await home.key('dana');
    const names = ['--namespace', 'shop', '--host', 'shop.example.com', '--anchor', 'dana=../dana.pub'];
    const files = ['services.yaml', 'routes.yaml', 'rest.yaml'].flatMap((file) => ['--file', file]);
    const { branch } = await json('scope', 'split', 'acme', 'shop', ...files, ...names);
    await git('checkout', '--quiet', branch);
    for (const name of ['alice', 'dana']) {
      await git('config', 'user.signingkey', join(home.dir, `${name}.pub`));
      await home.need('clone', 'fairlead', 'approve', '--yes', '--main', 'main');
    }
    await git('checkout', '--quiet', 'main');
    await git('merge', '--quiet', '--no-ff', '-m', 'Merge the split', branch);
    await serving(server, await git('rev-parse', 'main'));
    await compareResources();
    const found = await lineOf('http://cart/team/a');
    expect(found).toMatchObject({ scope: 'acme.shop', evidence: [{ scope: 'acme.shop', seq: 1 }] });
  });

  test("a rule for another scope's host, which is refused with the owner and how to ask, before and after the merge", async () => {
    const steal = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: steal, namespace: other }
spec:
  hosts: [cart.shop.svc.cluster.local]
  http: [{ redirect: { uri: /stolen } }]
`;
    await git('checkout', '--quiet', '-b', 'steal');
    await git('config', 'user.signingkey', join(home.dir, 'alice.pub'));
    await home.write('clone/mesh/steal.yaml', steal);
    const tip = await commit('Steal');
    const said =
      /steal\.yaml:5:11: error FL3102 cart\.shop\.svc\.cluster\.local is owned by acme\.shop, not by acme; ask acme\.shop for it: propose the change in its own files, for its anchors to sign/;
    const analyzed = await home.fairlead('clone', 'analyze');
    expect(analyzed).toMatchObject({ code: 1, out: expect.stringMatching(said) });
    const planned = await home.fairlead('clone', 'plan', '--main', 'main');
    expect(planned).toMatchObject({ code: 1, out: expect.stringMatching(said) });
    expect(planned.out).toContain('\nno proxy hears anything new\n');
    await git('checkout', '--quiet', 'main');
    await git('merge', '--quiet', '--ff-only', 'steal');
    await serving(server, tip);
    const { out } = await home.fairlead('clone', 'status', '--server', address());
    expect(out).toMatch(said);
    expect(await lineOf('http://cart/team/a')).toMatchObject({ scope: 'acme.shop' });
  });
});

import {
  array,
  assert,
  boolean,
  constant,
  constantFrom,
  integer,
  oneof,
  property,
  record,
  subarray,
} from 'fast-check';
import { expect, test } from 'vitest';
import type { ScopeResources } from '../../src/manifests/index.ts';
import { apiStatuses, build, createBuilder } from '../../src/mesh/index.ts';
import { type ScopeText, scope } from './world.ts';

/** Three scopes with a namespace each. Hosts and addresses are few, so that scopes meet. */
const scopes = { acme: 'other', 'acme.shop': 'shop', 'acme.pay': 'pay' } as const;
type Path = keyof typeof scopes;
const paths = Object.keys(scopes) as readonly Path[];
const name = constantFrom('cart', 'ledger');
const host = constantFrom(
  'cart.shop.svc.cluster.local',
  'ledger.pay.svc.cluster.local',
  'ledger.pay',
  '*.example',
  'a.example',
);

const service = name.map(
  (called) => (ns: string) =>
    `apiVersion: v1
kind: Service
metadata: { name: ${called}, namespace: ${ns} }
spec: { clusterIP: 10.0.0.9, selector: { app: a }, ports: [{ name: http, port: 80 }, { name: more, port: 81 }] }
`,
);
const entry = record({ host, to: constantFrom('*', '.', '~') }).map(
  ({ host: called, to }) =>
    (ns: string) =>
      `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: entry, namespace: ${ns} }
spec: { hosts: ["${called}"], exportTo: ["${to}"], resolution: DNS, ports: [{ number: 80, name: http, protocol: HTTP }] }
`,
);
const workload = integer({ min: 1, max: 2 }).map(
  (last) => (ns: string) =>
    `apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: w${last}, namespace: ${ns}, labels: { app: a } }
spec: { address: 10.1.0.${last} }
`,
);
const edge = record({ called: name, offered: host }).map(
  ({ called, offered }) =>
    (ns: string) =>
      `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ${called}, namespace: ${ns} }
spec: { servers: [{ port: { number: 82, name: http, protocol: HTTP }, hosts: ["${offered}"] }] }
`,
);
const routing = record({
  host,
  to: host,
  subset: constantFrom('', ', subset: v1'),
  gateways: constantFrom('mesh', 'cart', 'shop/cart, mesh'),
  path: constantFrom('', '/a', '/b', '/b/c'),
}).map(
  ({ host: called, to, subset, gateways, path }) =>
    (ns: string) =>
      `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: routes-${called.replaceAll('*', 'any')}${path.replaceAll('/', '-')}, namespace: ${ns} }
spec: { hosts: ["${called}"], gateways: [${gateways}], http: [{${path === '' ? '' : ` match: [{ uri: { prefix: ${path} } }],`} route: [{ destination: { host: "${to}"${subset} } }] }] }
`,
);
const profile = record({ called: name, space: constantFrom('shop', 'pay'), to: host }).map(
  ({ called, space, to }) =>
    (ns: string) =>
      `apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: { name: ${called}.${space}.svc.cluster.local, namespace: ${ns} }
spec:
  dstOverrides: [{ authority: ${to.replace('*', 'x')}, weight: 1 }]
  routes: [{ name: a, condition: { pathRegex: /a }, isRetryable: true }]
`,
);
const delegate = record({ path: constantFrom('/a', '/b'), to: host, exportTo: constantFrom('*', '.') }).map(
  ({ path, to, exportTo }) =>
    (ns: string) =>
      `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: inner, namespace: ${ns} }
spec: { exportTo: ["${exportTo}"], http: [{ match: [{ uri: { prefix: ${path} } }], route: [{ destination: { host: "${to}" } }] }] }
`,
);
const handing = record({ host, space: constantFrom('shop', 'pay') }).map(
  ({ host: called, space }) =>
    (ns: string) =>
      `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: handing, namespace: ${ns} }
spec: { hosts: ["${called}"], http: [{ match: [{ uri: { prefix: /a } }], delegate: { name: inner, namespace: ${space} } }] }
`,
);
const rule = host.map(
  (called) => (ns: string) =>
    `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: rule, namespace: ${ns} }
spec: { host: "${called}", subsets: [{ name: v1, labels: { version: v1 } }] }
`,
);
const slice = record({ called: name, last: integer({ min: 1, max: 2 }) }).map(
  ({ called, last }) =>
    (ns: string) =>
      `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${called}-${last}, namespace: ${ns}, labels: { kubernetes.io/service-name: ${called} } }
addressType: IPv4
endpoints: [{ addresses: [10.1.0.${last}] }, { addresses: [10.1.0.3] }]
ports: [{ name: http, port: 8080 }]
`,
);
const route = record({
  parent: name,
  parentSpace: constantFrom('shop', 'pay'),
  backend: name,
  path: constantFrom('/a', '/b'),
}).map(
  ({ parent, parentSpace, backend, path }) =>
    (ns: string) =>
      `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${backend}${path.slice(1)}, namespace: ${ns} }
spec:
  parentRefs: [{ group: '', kind: Service, name: ${parent}, namespace: ${parentSpace} }]
  rules: [{ matches: [{ path: { value: ${path} } }], backendRefs: [{ name: ${backend}, port: 80 }] }]
`,
);
/** `*`: every host. */
const anyHost = oneof({ weight: 2, arbitrary: host }, { weight: 1, arbitrary: constant('*') });
const apiGateway = record({
  called: name,
  from: constantFrom('Same', 'All'),
  offered: anyHost,
  ours: boolean(),
}).map(
  ({ called, from, offered, ours }) =>
    (ns: string) =>
      `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: ${called}, namespace: ${ns} }
spec:
  gatewayClassName: ${ours ? 'fairlead' : 'other'}
  listeners: [{ name: a, port: 83, protocol: HTTP${offered === '*' ? '' : `, hostname: "${offered}"`}, allowedRoutes: { namespaces: { from: ${from} } } }]
`,
);
const edgeRoute = record({
  at: name,
  atSpace: constantFrom('shop', 'pay'),
  to: name,
  toSpace: constantFrom('shop', 'pay'),
  called: anyHost,
}).map(
  ({ at, atSpace, to, toSpace, called }) =>
    (ns: string) =>
      `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: edge-${to}, namespace: ${ns} }
spec:
  parentRefs: [{ name: ${at}, namespace: ${atSpace} }]
  ${called === '*' ? '' : `hostnames: ["${called}"]`}
  rules: [{ backendRefs: [{ name: ${to}, namespace: ${toSpace}, port: 80 }] }]
`,
);
const grant = constantFrom('shop', 'pay').map(
  (from) => (ns: string) =>
    `apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: { name: from-${from}, namespace: ${ns} }
spec: { from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: ${from} }], to: [{ group: '', kind: Service }] }
`,
);
/** Kinds that are for the scope's own proxies, or are inherited by the scopes below. */
const own = constantFrom(
  (ns: string) => `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: a, namespace: ${ns} }
spec: { configPatches: [{ applyTo: CLUSTER, patch: { operation: MERGE, value: { connect_timeout: 1s } } }] }
`,
  (ns: string) => `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: b, namespace: ${ns} }
spec: { workloadSelector: { labels: { app: a } }, configPatches: [{ applyTo: CLUSTER, patch: { operation: MERGE, value: { connect_timeout: 2s } } }] }
`,
  (ns: string) => `apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: { name: a, namespace: ${ns} }
spec: { accessLogging: [{ providers: [{ name: lines }] }] }
`,
  (ns: string) => `apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: { name: b, namespace: ${ns} }
spec: { tracing: [{ randomSamplingPercentage: 5 }] }
`,
  (ns: string) => `apiVersion: fairlead.dev/v1alpha1
kind: RateLimit
metadata: { name: a, namespace: ${ns} }
spec: { rules: [{ requests: 1, per: 1s }] }
`,
  (ns: string) => `apiVersion: cilium.io/v2
kind: CiliumEnvoyConfig
metadata: { name: a, namespace: ${ns} }
spec: { services: [{ name: cart, namespace: ${ns} }], resources: [{ "@type": type.googleapis.com/envoy.config.listener.v3.Listener, filter_chains: [{ filters: [{ name: e, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo } }] }] }] }
`,
  (ns: string) => `apiVersion: networking.istio.io/v1beta1
kind: ProxyConfig
metadata: { name: a, namespace: ${ns} }
spec: { concurrency: 2 }
`,
  (ns: string) => `apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: a, namespace: ${ns} }
spec: { egress: [{ hosts: ["./*"] }] }
`,
  (ns: string) => `apiVersion: mesh.istio.io/v1alpha1
kind: MeshConfig
metadata: { name: mesh, namespace: ${ns} }
spec: { rootNamespace: other, defaultServiceExportTo: [.], defaultDestinationRuleExportTo: [.], extensionProviders: [{ name: lines, envoyFileAccessLog: { path: /dev/stdout } }] }
`,
  (ns: string) => `apiVersion: mesh.istio.io/v1alpha1
kind: MeshConfig
metadata: { name: more, namespace: ${ns} }
spec: { rootNamespace: pay, connectTimeout: 2s }
`,
  () => `apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: other }
spec: { controllerName: fairlead.dev/gateway-controller }
`,
);
const document = oneof(
  ...[own, service, entry, workload, slice, edge, routing, rule, route, profile, delegate, handing],
  ...[apiGateway, edgeRoute, grant],
);

/** One scope gets other files, now and then another authority; or it comes or goes. */
const edit = record({
  path: constantFrom(...paths),
  documents: array(document, { maxLength: 6 }),
  owns: oneof({ weight: 5, arbitrary: constant(null) }, { weight: 1, arbitrary: subarray(['shop', 'pay']) }),
  present: integer({ min: 0, max: 5 }).map((chance) => chance > 0),
});

test('building again after any edits gives what building anew gives, whatever the order of the scopes', () => {
  const edits = array(edit, { minLength: 1, maxLength: 12 });
  const run = property(edits, (sequence) => {
    const builder = createBuilder();
    const read = new Map<string, ScopeResources>();
    const readAnew = new Map<string, ScopeResources>();
    for (const { path, documents, owns, present } of sequence) {
      const files = documents.map((text) => text(scopes[path]));
      const text = textOf(path, files, owns ?? [scopes[path]]);
      if (present) {
        read.set(path, scope(text, read.get(path)));
        readAnew.set(path, scope(text));
      } else {
        read.delete(path);
        readAnew.delete(path);
      }
      const built = builder([...read.values()]);
      const anew = build([...readAnew.values()].reverse());
      expect(built).toEqual(anew);
      expect(apiStatuses(built)).toEqual(apiStatuses(anew));
      // Same order, too: what is sent depends on it.
      expect([...built.endpoints.keys()]).toEqual([...anew.endpoints.keys()]);
    }
  });
  assert(run, { numRuns: 500 });
});

function textOf(path: Path, documents: readonly string[], namespaces: readonly string[]): ScopeText {
  const files = Object.fromEntries(documents.map((text, index) => [`${index}.yaml`, text]));
  return { path, namespaces, hosts: path === 'acme' ? ['*'] : [], files };
}

test('what does not change is the same object, and is not read again', () => {
  const builder = createBuilder();
  const texts = (above: number) => [
    scope({ path: 'a', namespaces: ['shop'], files: shop }),
    scope({ path: 'b', namespaces: ['pay'], files: `${'#\n'.repeat(above)}${pay}` }),
  ];
  const [first, old] = texts(1);
  const [, changed] = texts(2);
  if (first === undefined || old === undefined || changed === undefined) throw new Error('two scopes');
  const before = builder([first, old]);
  const after = builder([first, changed]);
  const [cart, ledger] = after.mesh.services;
  expect(cart).toBe(before.mesh.services[0]);
  expect(ledger).not.toBe(before.mesh.services[1]);
  expect(ledger?.origin.line).toBe(3);
  expect(after.mesh.owners).toBe(before.mesh.owners);
  expect(after.mesh.routings[0]).toBe(before.mesh.routings[0]);
  expect(after.endpoints.get('shop/cart.shop.svc.cluster.local')).toBe(
    before.endpoints.get('shop/cart.shop.svc.cluster.local'),
  );
});

test('an edit ends where it changes nothing: files that say the same leave the same objects', () => {
  const builder = createBuilder();
  const other = scope({ path: 'b', namespaces: ['pay'], files: pay });
  const [service = '', routes = ''] = shop.split('---\n');
  const files = { 'service.yaml': service, 'routes.yaml': routes };
  const first = scope({ path: 'a', namespaces: ['shop'], files });
  const before = builder([first, other]);
  const edited = { ...files, 'routes.yaml': routes.replace('ledger', 'absent') };
  const after = builder([scope({ path: 'a', namespaces: ['shop'], files: edited }, first), other]);
  expect(after.mesh.services).toBe(before.mesh.services);
  expect(after.endpoints).toBe(before.endpoints);
  expect(after.mesh.routings).not.toEqual(before.mesh.routings);
  expect(after.problems.map(({ file }) => file)).toEqual(['a/routes.yaml']);
});

const shop = `apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { ports: [{ name: http, port: 80 }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: cart, namespace: shop }
spec: { hosts: [cart], http: [{ route: [{ destination: { host: ledger.pay.svc.cluster.local } }] }] }
`;
const pay = `apiVersion: v1
kind: Service
metadata: { name: ledger, namespace: pay }
spec: { ports: [{ name: http, port: 80 }] }
`;

import { boolean, constant, constantFrom, integer, oneof, record } from 'fast-check';

/** Three scopes with a namespace each. Hosts and addresses are few, so that scopes meet. */
export const scopes = { acme: 'other', 'acme.shop': 'shop', 'acme.pay': 'pay' } as const;
export type Path = keyof typeof scopes;
export const paths = Object.keys(scopes) as readonly Path[];
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
  exportTo: constantFrom('*', '*', '.'),
}).map(
  ({ host: called, to, subset, gateways, path, exportTo }) =>
    (ns: string) =>
      `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: routes-${called.replaceAll('*', 'any')}${path.replaceAll('/', '-')}, namespace: ${ns} }
spec: { hosts: ["${called}"], exportTo: ["${exportTo}"], gateways: [${gateways}], http: [{${path === '' ? '' : ` match: [{ uri: { prefix: ${path} } }],`} route: [{ destination: { host: "${to}"${subset} } }] }] }
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
/** What Kubernetes runs, and says of it: two Pods at most, on nodes that may be known. */
const pod = record({ last: integer({ min: 1, max: 2 }), ready: boolean() }).map(
  ({ last, ready }) =>
    (ns: string) =>
      `apiVersion: v1
kind: Pod
metadata: { name: p${last}, namespace: ${ns}, labels: { app: a, version: v${last} } }
spec: { nodeName: n${last}, serviceAccountName: a, containers: [{ name: a, ports: [{ name: web, containerPort: 808${last} }] }] }
status: { podIP: 10.1.0.${last}, podIPs: [{ ip: 10.1.0.${last} }, { ip: "fd00::${last}" }], conditions: [{ type: Ready, status: "${ready ? 'True' : 'False'}" }] }
`,
);
const targeting = record({ to: constantFrom('8080', 'web', 'absent'), headless: boolean() }).map(
  ({ to, headless }) =>
    (ns: string) =>
      `apiVersion: v1
kind: Service
metadata: { name: cart, namespace: ${ns} }
spec: { clusterIP: ${headless ? 'None' : '10.0.0.8'}, selector: { app: a }, ports: [{ name: http, port: 80, targetPort: ${to} }] }
`,
);
const grpcRoute = record({ parent: name, parentSpace: constantFrom('shop', 'pay'), backend: name }).map(
  ({ parent, parentSpace, backend }) =>
    (ns: string) =>
      `apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: grpc-${backend}, namespace: ${ns} }
spec:
  parentRefs: [{ group: '', kind: Service, name: ${parent}, namespace: ${parentSpace} }]
  rules: [{ matches: [{ method: { service: shop.Cart } }], backendRefs: [{ name: ${backend}, port: 80 }] }]
`,
);
/** Hosts whose workloads are listed or selected, of all resolutions. */
const selecting = record({
  host,
  resolution: constantFrom('STATIC', 'DNS', 'DNS_ROUND_ROBIN'),
  own: constantFrom(
    'workloadSelector: { labels: { app: a } }',
    'endpoints: [{ address: 10.1.0.4, labels: { version: v2 } }]',
  ),
}).map(
  ({ host: called, resolution, own }) =>
    (ns: string) =>
      `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: selecting, namespace: ${ns} }
spec: { hosts: ["${called}"], resolution: ${resolution}, ${own}, ports: [{ number: 80, name: http, protocol: HTTP }] }
`,
);
const cluster = constantFrom(
  (ns: string) => `apiVersion: v1
kind: Node
metadata: { name: n1, labels: { topology.kubernetes.io/region: eu, topology.kubernetes.io/zone: ${ns} } }
`,
  (ns: string) => `apiVersion: v1
kind: Namespace
metadata: { name: ${ns}, labels: { team: ${ns} } }
`,
  (ns: string) => `apiVersion: v1
kind: ServiceAccount
metadata: { name: a, namespace: ${ns} }
`,
  (ns: string) => `apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: { name: a, namespace: ${ns} }
spec: { metadata: { labels: { app: a } }, template: { serviceAccount: a } }
`,
  (ns: string) => `apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: { name: a, namespace: ${ns} }
spec: { meshConfig: { outboundTrafficPolicy: { mode: REGISTRY_ONLY }, rootNamespace: pay } }
`,
);
/** A manifest of a namespace. */
export const document = oneof(
  ...[own, service, entry, workload, slice, edge, routing, rule, route, profile, delegate, handing],
  ...[apiGateway, edgeRoute, grant, grpcRoute, pod, targeting, selecting, cluster],
);

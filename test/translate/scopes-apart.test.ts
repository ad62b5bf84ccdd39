import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { build } from '../../src/mesh/index.ts';
import { type Snapshot, translate } from '../../src/translate/index.ts';
import {
  entry,
  gatewayApi,
  istio,
  rateLimit,
  routes,
  service,
  subsets,
  telemetry,
  to,
  workload,
} from '../mesh/manifests.ts';
import { type ScopeText, scope } from '../mesh/world.ts';
import { proxyAt, snapshotOf } from './world.ts';

/** What one scope says, and in which files, makes no difference to those who do not see it. */

function bytesOf({ resources }: Snapshot): readonly (readonly [string, string])[] {
  return [...resources.values()].flatMap((all) =>
    [...all.values()].map(
      ({ typeUrl, name, any }) => [`${typeUrl} ${name}`, Buffer.from(any).toString('hex')] as const,
    ),
  );
}

const clients = [
  proxyAt('10.0.0.1', 'shop'),
  proxyAt('10.0.0.1', 'shop', { FAIRLEAD: { capture: 'redirect' } }),
  proxyAt('10.0.0.9', 'web', { LABELS: { app: 'web' } }),
];

const cart = 'cart.shop.svc.cluster.local';
const shop = [
  service('cart', 'shop'),
  workload('cart', 'shop', '10.0.0.1', 'app: cart, version: v1'),
  subsets('cart', 'shop', 'cart', 'v1'),
  routes('cart', 'shop', 'cart', to('cart', ', subset: v1')),
  service('web', 'web', ', clusterIP: 10.96.0.1'),
  entry('api', 'shop', 'api.shop.example', ', addresses: [240.0.0.1]'),
  routes('api', 'shop', 'api.shop.example', to(cart)),
  istio(
    'Sidecar',
    'web',
    'web',
    '{workloadSelector: {labels: {app: web}}, egress: [{hosts: ["shop/*", "web/*"]}]}',
  ),
];

/** What they would have proxies hear in Envoy's own words: everything else, and nothing of it. */
const raw = `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: all, namespace: pay}
spec: {configPatches: [{applyTo: CLUSTER, patch: {operation: MERGE, value: {connect_timeout: 1s}}}, {applyTo: LISTENER, patch: {operation: REMOVE}}]}
---
apiVersion: cilium.io/v2
kind: CiliumEnvoyConfig
metadata: {name: all, namespace: pay}
spec: {services: [{name: pay}], resources: [{"@type": type.googleapis.com/envoy.config.listener.v3.Listener, filter_chains: [{filters: [{name: e, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}]}]}]}
---
`;

/** Manifests of another scope that say who sees them. */
const theirs = (exportTo: string) => [
  raw,
  service('pay', 'pay', ', clusterIP: 10.96.0.1').replace(
    'namespace: pay}',
    `namespace: pay, annotations: {networking.istio.io/exportTo: "${exportTo}"}}`,
  ),
  workload('pay', 'pay', '10.0.0.7', 'app: pay, version: v1'),
  entry('ext', 'pay', 'ext.pay.example', `, addresses: [240.0.0.1], exportTo: ["${exportTo}"]`),
  istio(
    'DestinationRule',
    'mine',
    'pay',
    `{host: "*.local", subsets: [{name: v1}], exportTo: ["${exportTo}"]}`,
  ),
  istio('DestinationRule', 'cart', 'pay', `{host: ${cart}, subsets: [{name: v9}], exportTo: ["*"]}`),
  routes('r', 'pay', 'ext.pay.example', to('pay')).replace('http:', `exportTo: ["${exportTo}"], http:`),
  routes('v', 'pay', 'only.pay.example', to('pay')).replace('http:', `exportTo: ["${exportTo}"], http:`),
  istio(
    'Sidecar',
    'all',
    'pay',
    '{egress: [{hosts: ["~/*"]}], outboundTrafficPolicy: {mode: REGISTRY_ONLY}}',
  ),
];

const lua = (namespace: string, match: string) =>
  istio(
    'EnvoyFilter',
    `lua-${match.length}`,
    namespace,
    `{configPatches: [{applyTo: HTTP_FILTER, match: {${match}}, patch: {operation: INSERT_FIRST, value: {name: lua, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua}}}}]}`,
  ).replace('networking.istio.io/v1\n', 'networking.istio.io/v1alpha3\n');
const linkerd = (name: string, namespace: string, more: string) =>
  `apiVersion: linkerd.io/v1alpha2\nkind: ServiceProfile\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: {${more}}\n---\n`;
const meshConfig = (namespace: string, mesh: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: ${namespace}}\ndata:\n  mesh: |\n    ${mesh}\n---\n`;

/** What is for its own scope's proxies alone, whoever may see the scope's services. */
const onlyTheirs = [
  lua('pay', 'context: ANY'),
  lua('pay', 'context: SIDECAR_OUTBOUND'),
  istio(
    'EnvoyFilter',
    'gone',
    'pay',
    `{priority: -5, configPatches: [{applyTo: CLUSTER, match: {cluster: {service: ${cart}}}, patch: {operation: REMOVE}}, {applyTo: LISTENER, patch: {operation: REMOVE}}]}`,
  ).replace('networking.istio.io/v1\n', 'networking.istio.io/v1alpha3\n'),
  telemetry('all', 'pay', 'accessLogging: [{providers: [{name: envoy}]}]'),
  rateLimit('all', 'pay', 'rules: [{requests: 1, per: 1s}]'),
  linkerd(cart, 'pay', 'dstOverrides: [{authority: pay.pay, weight: 1}]'),
  linkerd('api.shop.example', 'pay', 'routes: [{name: a, condition: {pathRegex: /a}, timeout: 1s}]'),
  meshConfig(
    'pay',
    '{rootNamespace: shop, outboundTrafficPolicy: {mode: REGISTRY_ONLY}, accessLogFile: /pay, connectTimeout: 3s, extensionProviders: [{name: p, envoyFileAccessLog: {path: /etc/pay}}], defaultProviders: {accessLogging: [p]}}',
  ),
  istio('ProxyConfig', 'all', 'pay', '{concurrency: 3}').replace('/v1\n', '/v1beta1\n'),
  gatewayApi('GatewayClass', 'fairlead', 'pay', '{controllerName: example.com/other}').replace(
    ', namespace: pay',
    '',
  ),
  istio('VirtualService', 'inner', 'pay', `{http: ${to('pay')}}`),
  istio(
    'VirtualService',
    'steal',
    'pay',
    `{hosts: [${cart}], http: [{match: [{uri: {prefix: /a}}], delegate: {name: inner}}]}`,
  ),
  istio(
    'VirtualService',
    'steal-more',
    'pay',
    `{hosts: [api.shop.example, "*.shop.example"], http: ${to('pay')}}`,
  ),
  istio(
    'ServiceEntry',
    'any',
    'pay',
    '{hosts: ["*.shop.example"], resolution: DYNAMIC_DNS, ports: [{number: 80, name: http, protocol: HTTP}]}',
  ),
];

const ours = (files: readonly string[]): ScopeText => ({
  path: 'shop',
  namespaces: ['shop', 'web'],
  hosts: ['*.shop.example'],
  files: filed(files),
});
const others = (files: readonly string[]): ScopeText => ({
  path: 'pay',
  namespaces: ['pay'],
  hosts: ['*.pay.example'],
  files: filed(files),
});

function filed(documents: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(documents.map((text, index) => [`${index}.yaml`, text]));
}

test('what is not exported to a proxy changes no byte of it', () => {
  const alone = clients.map((client) => bytesOf(snapshotOf(client, ours(shop), others([]))));
  const said = fc
    .constantFrom('.', 'pay', '~')
    .chain((exportTo) => fc.shuffledSubarray([...theirs(exportTo), ...onlyTheirs]));
  fc.assert(
    fc.property(said, (files) => {
      const beside = clients.map((client) => bytesOf(snapshotOf(client, ours(shop), others(files))));
      expect(beside).toEqual(alone);
    }),
    { numRuns: 60 },
  );
});

test('what a Sidecar does not import changes no byte, whatever is exported', () => {
  const [, , limited] = clients;
  if (limited === undefined) throw new Error('no client');
  const alone = bytesOf(snapshotOf(limited, ours(shop), others([])));
  fc.assert(
    fc.property(fc.shuffledSubarray([...theirs('*'), ...onlyTheirs]), (files) => {
      expect(bytesOf(snapshotOf(limited, ours(shop), others(files)))).toEqual(alone);
    }),
    { numRuns: 40 },
  );
});

test('files and scopes in any order are the same bytes', () => {
  const all = [...theirs('*'), ...onlyTheirs];
  const expected = clients.map((client) => bytesOf(snapshotOf(client, ours(shop), others(all))));
  const order = fc.record({
    shop: fc.shuffledSubarray(shop, { minLength: shop.length }),
    pay: fc.shuffledSubarray(all, { minLength: all.length }),
    isTurned: fc.boolean(),
  });
  fc.assert(
    fc.property(order, ({ shop: first, pay: second, isTurned }) => {
      const scopes = [ours(first), others(second)];
      const given = isTurned ? scopes.toReversed() : scopes;
      expect(clients.map((client) => bytesOf(snapshotOf(client, ...given)))).toEqual(expected);
    }),
    { numRuns: 40 },
  );
});

test('what is only for the proxies of its scope is heard there', () => {
  const own = proxyAt('10.0.0.7', 'pay');
  const base = [service('pay', 'pay'), workload('pay', 'pay', '10.0.0.7', 'app: pay')];
  const heard = (...more: readonly string[]) =>
    bytesOf(snapshotOf(own, ours(shop), others([...base, ...more])));
  const idle = onlyTheirs.filter((text) => isDeepStrictEqual(heard(text), heard()));
  // A ProxyConfig is for what starts a proxy; a delegate waits for a step; the rest is the other scope's host.
  const kinds = idle.map((text) => /kind: (\w+)\nmetadata: {name: ([^,}]+)/.exec(text)?.slice(1).join(' '));
  expect(kinds).toEqual([
    'ProxyConfig all',
    'GatewayClass fairlead',
    ...['VirtualService inner', 'VirtualService steal', 'VirtualService steal-more', 'ServiceEntry any'],
  ]);
});

/** Entries, rules and routes that everybody sees, and that want what another scope has. */
const greedy = fc
  .record({
    host: fc.constantFrom(
      '*',
      '*.example',
      '*.com',
      'a.com',
      'cart',
      'cart.shop',
      'cart.shop.svc',
      'localhost',
      cart,
      '10.0.0.1',
      '*.shop.example',
      '*.local',
      'api.shop.example',
      'ext.pay.example',
    ),
    addresses: fc.constantFrom(
      '',
      ', addresses: [240.0.0.1]',
      ', addresses: [10.0.0.1]',
      ', addresses: [10.96.0.1]',
      ', addresses: [10.0.0.0/8]',
      ', addresses: [127.0.0.1]',
      ', addresses: [0.0.0.0/0]',
    ),
    resolution: fc.constantFrom('DNS', 'NONE', 'STATIC', 'DYNAMIC_DNS', 'DNS_ROUND_ROBIN'),
    number: fc.constantFrom(80, 443, 15001, 15006, 15080, 15021, 8080),
    protocol: fc.constantFrom('HTTP', 'TCP', 'TLS', 'HTTPS', 'HTTP2', 'GRPC', 'MONGO'),
    kind: fc.constantFrom('entry', 'rule', 'routes', 'tls', 'tcp'),
  })
  .map(({ host, addresses, resolution, number, protocol, kind }) => (index: number) => {
    const ports = `ports: [{number: ${number}, name: p, protocol: ${protocol}}]`;
    const endpoints = resolution === 'STATIC' ? ', endpoints: [{address: 10.0.0.1}]' : '';
    const route = 'route: [{destination: {host: pay.pay.svc.cluster.local}}]';
    if (kind === 'rule')
      return istio(
        'DestinationRule',
        `g${index}`,
        'pay',
        `{host: "${host}", trafficPolicy: {tls: {mode: SIMPLE, caCertificates: /etc/x}}, exportTo: ["*"]}`,
      );
    if (kind === 'routes') return routes(`g${index}`, 'pay', host, to('pay'));
    if (kind === 'tls')
      return istio(
        'VirtualService',
        `g${index}`,
        'pay',
        `{hosts: ["${host}"], tls: [{match: [{sniHosts: ["${host}"]}], ${route}}]}`,
      );
    if (kind === 'tcp')
      return istio('VirtualService', `g${index}`, 'pay', `{hosts: ["${host}"], tcp: [{${route}}]}`);
    return istio(
      'ServiceEntry',
      `g${index}`,
      'pay',
      `{hosts: ["${host}"], resolution: ${resolution}, ${ports}${addresses}${endpoints}}`,
    );
  });

/** Of hosts that the scope of the proxy owns: clusters, endpoints and virtual hosts as they are sent. */
function ownOf(snapshot: Snapshot): readonly string[] {
  const found: string[] = [];
  for (const { name, json, typeUrl } of [...snapshot.resources.values()].flatMap((all) => [
    ...all.values(),
  ])) {
    if (/\.shop\.|web\.web/.test(name)) found.push(`${typeUrl} ${name} ${JSON.stringify(json)}`);
    const { virtual_hosts = [] } = json as { readonly virtual_hosts?: readonly { readonly name: string }[] };
    for (const host of virtual_hosts)
      if (/\.shop\.|web\.web/.test(host.name)) found.push(`${name} ${JSON.stringify(host)}`);
  }
  return found;
}

test('whatever one exports, what others own is heard as before', () => {
  const alone = clients.map((client) => ownOf(snapshotOf(client, ours(shop), others([]))));
  const files = fc.array(greedy, { maxLength: 6 }).map((all) => all.map((text, index) => text(index)));
  fc.assert(
    fc.property(files, (said) => {
      const scopes = [ours(shop), others([service('pay', 'pay'), ...said])].map((text) => scope(text));
      const { mesh, endpoints } = build(scopes);
      expect(clients.map((client) => ownOf(translate(mesh, endpoints, client)))).toEqual(alone);
    }),
    { numRuns: 150 },
  );
});

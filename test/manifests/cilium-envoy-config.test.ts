import { expect, test } from 'vitest';
import { problemsOf, read } from './scope.ts';

/** What is wrong with CiliumEnvoyConfigs, and where. */

const document = (resources: string, services = '[{name: cart}]', more = '') => `apiVersion: cilium.io/v2
kind: CiliumEnvoyConfig
metadata: {name: policy, namespace: shop}
spec:
  services: ${services}${more}
  resources:
${resources}
`;
const resource = (type: string, ...fields: readonly string[]) =>
  [`  - "@type": type.googleapis.com/envoy.config.${type}`, ...fields.map((field) => `    ${field}`)].join(
    '\n',
  );
const manager = (routes: string) =>
  `{name: http, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: http, http_filters: [{name: envoy.filters.http.router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}], ${routes}}}`;
const listener = (routes: string) =>
  resource('listener.v3.Listener', 'name: first', `filter_chains: [{filters: [${manager(routes)}]}]`);
const hosts = (route: string) =>
  `virtual_hosts: [{name: a, domains: ["*"], routes: [{match: {prefix: /}, route: ${route}}]}]`;
const inline = (route: string) => listener(`route_config: {${hosts(route)}}`);
const cluster = (name: string, more = 'type: STATIC') =>
  resource('cluster.v3.Cluster', `name: ${name}`, more);
const clusterwide = (services: string) =>
  document(inline('{cluster: shop/cart}'), services)
    .replace('CiliumEnvoyConfig', 'CiliumClusterwideEnvoyConfig')
    .replace(', namespace: shop', '');
const own = inline('{cluster: shop/cart}');

test.each<readonly [string, string, readonly string[]]>([
  ['requests pass on to the Service', document(own), []],
  ['by its port', document(inline('{cluster: "shop/cart:80"}')), []],
  ['to a cluster of the manifest', document(`${inline('{cluster: more}')}\n${cluster('more')}`), []],
  [
    'by a table of the manifest',
    document(
      `${listener('rds: {route_config_name: table}')}\n${resource('route.v3.RouteConfiguration', 'name: table', hosts('{cluster: shop/cart}'))}`,
    ),
    [],
  ],
  ['no listener at all', document(cluster('more')), []],
  ['a listener without chains', document(resource('listener.v3.Listener')), ['FL2296 7:5']],
  ['backendServices', document(own, undefined, '\n  backendServices: [{name: b}]'), ['FL2104 6:3']],
  ['nodeSelector', document(own, undefined, '\n  nodeSelector: {}'), ['FL2104 6:3']],
  ['no resources', document('    []'), ['FL2109 6:3']],
  ['a resource of another type', document(resource('endpoint.v3.ClusterLoadAssignment')), ['FL2294 7:14']],
  ['an unknown field', document(resource('listener.v3.Listener', 'filter_chain: []')), ['FL2105 8:5']],
  [
    'a type of Cilium alone',
    document(
      resource(
        'listener.v3.Listener',
        'filter_chains: [{filters: [{name: a, typed_config: {"@type": type.googleapis.com/cilium.NetworkFilter}}]}]',
      ),
    ),
    ['FL2290 8:66'],
  ],
  ['an address of its own', document(own.replace('name: first', 'enable_reuse_port: true')), ['FL2244 8:5']],
  [
    'a match of the chain',
    document(own.replace('[{filters', '[{filter_chain_match: {transport_protocol: tls}, filters')),
    ['FL2104 9:22'],
  ],
  ['a second chain', document(own.replace(/]$/, ', {filters: []}]')), ['FL2294 9:460']],
  ['a Service of another namespace', document(own, '[{name: cart, namespace: web}]'), ['FL2297 5:38']],
  ['a listener that is not there', document(own, '[{name: cart, listener: second}]'), ['FL2295 5:37']],
  ['routes that are not there', document(listener('rds: {route_config_name: table}')), ['FL2295 9:335']],
  ['another Service', document(inline('{cluster: shop/pay}')), ['FL2295 9:439']],
  [
    'one of several',
    document(inline('{weighted_clusters: {clusters: [{name: shop/cart, weight: 1}, {name: b, weight: 1}]}}')),
    ['FL2295 9:491'],
  ],
  [
    'endpoints of another Service',
    document(`${inline('{cluster: shop/pay}')}\n${cluster('shop/pay', 'type: EDS')}`),
    ['FL2104 10:5'],
  ],
  [
    'a cluster of the Service itself',
    document(`${own}\n${cluster('shop/cart', 'type: EDS')}`),
    ['FL2244 10:5'],
  ],
  ['clusterwide: Services by their namespaces', clusterwide('[{name: cart, namespace: shop}]'), []],
  ['clusterwide: without a namespace, default', clusterwide('[{name: cart}]'), ['FL2295 9:439']],
])('%s', (_, text, problems) => {
  expect(problemsOf(text)).toEqual(problems);
});

test('names of clusters are those of the manifest, and the Service is where its application is', () => {
  const routes = '{weighted_clusters: {clusters: [{name: shop/cart, weight: 1}, {name: more, weight: 1}]}}';
  const { resources } = read({ 'a.yaml': document(`${inline(routes)}\n${cluster('more')}`) });
  const spec = resources.find(({ kind }) => kind === 'CiliumEnvoyConfig')?.spec;
  expect(JSON.stringify(spec)).toContain(
    '"clusters":[{"name":"<application>","weight":1},{"name":"shop/policy/more","weight":1}]',
  );
  expect(JSON.stringify(spec)).toContain('{"name":"shop/policy/more","type":"STATIC"}');
});

test('a clusterwide manifest has names of its own, without a namespace', () => {
  const routes = '{weighted_clusters: {clusters: [{name: shop/cart, weight: 1}, {name: more, weight: 1}]}}';
  const text = clusterwide('[{name: cart, namespace: shop}]').replace('{cluster: shop/cart}', routes);
  const { resources } = read({ 'a.yaml': `${text}${cluster('more')}\n` });
  const spec = resources.find(({ kind }) => kind === 'CiliumClusterwideEnvoyConfig')?.spec;
  expect(JSON.stringify(spec)).toContain('"services":[{"name":"cart","namespace":"shop"');
  expect(JSON.stringify(spec)).toContain(
    '"clusters":[{"name":"<application>","weight":1},{"name":"/policy/more","weight":1}]',
  );
});

test('a clusterwide manifest speaks for namespaces of its scope alone', () => {
  const services = '[{name: cart, namespace: shop}, {name: cart, namespace: elsewhere}, {name: cart}]';
  const owns = { namespaces: ['shop'], hosts: [] };
  const { problems } = read({ 'a.yaml': clusterwide(services) }, { owns });
  expect(problems.filter(({ code }) => code === 'FL2203').map(({ message }) => message)).toEqual([
    'acme does not own the namespace elsewhere',
    'acme does not own the namespace default',
  ]);
});

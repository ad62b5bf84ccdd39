import { expect, test } from 'vitest';
import { service, workload } from '../mesh/manifests.ts';
import { validate } from './envoy.ts';
import { staticBootstrap } from './static.ts';
import { jsonOf, namesOf, proxyAt, snapshotOf } from './world.ts';

/** Where the filters of a CiliumEnvoyConfig stand, and where they do not. */

const typed = (type: string, fields = '') => `{"@type": type.googleapis.com/envoy.${type}${fields}}`;
const router = `{name: router, typed_config: ${typed('extensions.filters.http.router.v3.Router')}}`;
const manager = (filters = router) =>
  typed(
    'extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    `, stat_prefix: mine, rds: {route_config_name: table}, http_filters: [${filters}]`,
  );
const more = `, type: STATIC, load_assignment: {cluster_name: more, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 9}}}}]}]}`;
const route = (path: string, cluster: string) => `{match: {prefix: ${path}}, route: {cluster: ${cluster}}}`;
const config = (services: string, filter = manager()) => `apiVersion: cilium.io/v2
kind: CiliumEnvoyConfig
metadata: {name: policy, namespace: shop}
spec:
  services: ${services}
  resources:
  - ${typed('config.listener.v3.Listener', `, name: mine, filter_chains: [{filters: [{name: mine, typed_config: ${filter}}]}]`)}
  - ${typed('config.route.v3.RouteConfiguration', `, name: table, virtual_hosts: [{name: all, domains: ["*"], routes: [${route('/more', 'more')}, ${route('/', 'shop/cart')}]}]`)}
  - ${typed('config.cluster.v3.Cluster', `, name: more${more}`)}
---
`;
const shop =
  service('cart', 'shop', '', '[{name: http, port: 80}, {name: http-b, port: 81}]') +
  service('pay', 'shop') +
  workload('cart', 'shop', '10.0.0.1', 'app: cart', ', ports: {http: 8080, http-b: 8081}') +
  workload('pay', 'shop', '10.0.0.2', 'app: pay', ', ports: {http: 8080}');

const heard = (files: string, capture: string, ip = '10.0.0.1', namespace = 'shop') =>
  snapshotOf(proxyAt(ip, namespace, { FAIRLEAD: { capture } }), { path: 'acme', files: shop + files });
const textOf = (...[snapshot, kind, name]: Parameters<typeof jsonOf>) =>
  JSON.stringify(jsonOf(snapshot, kind, name));

test('captured: in the chain of the port of the service, and in no other', async () => {
  const snapshot = heard(config('[{name: cart, ports: [80]}]'), 'redirect');
  expect(snapshot.skipped).toEqual([]);
  const chains = jsonOf(snapshot, 'listeners', 'virtualInbound').filter_chains ?? [];
  const found = chains.map((chain) => [chain.name, JSON.stringify(chain).includes('"stat_prefix":"mine"')]);
  expect(found.slice(2)).toEqual([
    ['0.0.0.0_8080', true],
    ['0.0.0.0_8081', false],
  ]);
  expect(JSON.stringify(chains)).toContain('"cluster":"inbound|8080||"');
  expect(namesOf(snapshot, 'clusters')).toContain('shop/policy/more');
  expect(await validate(staticBootstrap(snapshot))).toBe('OK');
});

test('bound: in the listeners of the ports of the service, one cluster for both', async () => {
  const snapshot = heard(config('[{name: cart}]'), 'ports');
  expect(textOf(snapshot, 'listeners', '10.0.0.1_8080')).toContain('"cluster":"inbound|8080||"');
  expect(textOf(snapshot, 'listeners', '10.0.0.1_8081')).toContain('"cluster":"inbound|8081||"');
  expect(await validate(staticBootstrap(snapshot))).toBe('OK');
});

test('nobody else hears of it', () => {
  const files = config('[{name: cart}]');
  for (const [ip, namespace] of [
    ['10.0.0.2', 'shop'],
    ['10.0.0.9', 'web'],
  ] as const) {
    const [with_, without] = [heard(files, 'ports', ip, namespace), heard('', 'ports', ip, namespace)];
    const versions = ({ resources }: typeof without) =>
      [...resources.values()].map((all) => [...all].map(([name, { version }]) => [name, version]));
    expect(versions(with_)).toEqual(versions(without));
  }
});

test('filters that no Envoy could take are left out and told, all of them', () => {
  const snapshot = heard(config('[{name: cart}]', manager(`${router}, {name: after}`)), 'ports');
  expect(snapshot.skipped.map(({ address }) => address)).toEqual(['CiliumEnvoyConfig/shop/policy']);
  expect(textOf(snapshot, 'listeners', '10.0.0.1_8080')).not.toContain('mine');
  expect(namesOf(snapshot, 'clusters')).not.toContain('shop/policy/more');
});

test('clusterwide: what stands before a Service of the scope, in whatever namespace', async () => {
  const clusterwide = (namespace: string) =>
    config(`[{name: cart, namespace: ${namespace}}]`)
      .replace('CiliumEnvoyConfig', 'CiliumClusterwideEnvoyConfig')
      .replaceAll(', namespace: shop}\nspec', '}\nspec')
      .replace('shop/cart', `${namespace}/cart`);
  const own = heard(clusterwide('shop'), 'ports');
  expect(textOf(own, 'listeners', '10.0.0.1_8080')).toContain('"cluster":"inbound|8080||"');
  expect(namesOf(own, 'clusters')).toContain('/policy/more');
  expect(await validate(staticBootstrap(own))).toBe('OK');
});

import { describe, expect, test } from 'vitest';
import { createTranslator, type Snapshot, translate } from '../../src/translate/index.ts';
import { CLUSTER } from '../../src/translate/types.ts';
import { istio, routes, service, subsets, to, workload } from '../mesh/manifests.ts';
import { meshOf } from '../mesh/world.ts';
import { validate } from './envoy.ts';
import { staticBootstrap } from './static.ts';
import { jsonOf, namesOf, proxyAt, snapshotOf } from './world.ts';

/** What EnvoyFilters leave of what is heard: by whom, in which order, and where they are of no use. */

function filter(name: string, namespace: string, patches: string, more = ''): string {
  const head = 'apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter';
  return `${head}\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: {configPatches: [${patches}]${more}}\n---\n`;
}

const CART = 'cart.shop.svc.cluster.local';
const cart = `outbound|80||${CART}`;
const shop =
  service('cart', 'shop') +
  workload('cart', 'shop', '10.0.0.1', 'app: cart, version: v1') +
  subsets('cart', 'shop', 'cart', 'v1') +
  routes('cart', 'shop', 'cart', to('cart', ', subset: v1'));
const merge = (value: string, cluster = `name: "${cart}"`) =>
  `{applyTo: CLUSTER, match: {cluster: {${cluster}}}, patch: {operation: MERGE, value: {${value}}}}`;
const change = (applyTo: string, operation: string, value: string, match = '') =>
  `{applyTo: ${applyTo}, match: {${match}}, patch: {operation: ${operation}, value: {${value}}}}`;
const acme = { path: 'acme', namespaces: ['shop', 'web', 'istio-system'], hosts: ['*'] };
const pay = { path: 'acme.pay', namespaces: ['pay'], hosts: ['pay.example'], files: '' };
const other = { path: 'other', namespaces: ['ops'], hosts: ['ops.example'] };

const heardBy = (namespace: string, files: string, theirs = '') =>
  snapshotOf(proxyAt('10.0.0.9', namespace), { ...acme, files: shop + files }, pay, {
    ...other,
    files: theirs,
  });
const timeoutOf = (snapshot: Snapshot) => jsonOf(snapshot, 'clusters', cart).connect_timeout;

describe('for whom', () => {
  const all = filter('all', 'istio-system', merge('connect_timeout: 1s'));
  test.each<readonly [string, string, string, string, string]>([
    ['of its own namespace', 'shop', filter('a', 'shop', merge('connect_timeout: 2s')), '', '2s'],
    ['not of another one of its scope', 'web', filter('a', 'shop', merge('connect_timeout: 2s')), '', '10s'],
    ['of the root namespace', 'web', all, '', '1s'],
    ['of the root namespace, below its scope', 'pay', all, '', '1s'],
    ['of the root namespace, not beside its scope', 'ops', all, '', '10s'],
    [
      'what the namespace says is after the root',
      'shop',
      all + filter('a', 'shop', merge('connect_timeout: 2s')),
      '',
      '2s',
    ],
    [
      'the lowest priority is first',
      'shop',
      filter('a', 'shop', merge('connect_timeout: 3s'), ', priority: 5') +
        filter('b', 'shop', merge('connect_timeout: 4s'), ', priority: -5'),
      '',
      '3s',
    ],
    [
      'what another scope says is not for it',
      'shop',
      '',
      filter('a', 'ops', merge('connect_timeout: 2s')),
      '10s',
    ],
    [
      'its clients hear what it says of others',
      'ops',
      '',
      filter('a', 'ops', merge('connect_timeout: 2s')),
      '2s',
    ],
  ])('%s', (_, namespace, files, theirs, timeout) => {
    expect(timeoutOf(heardBy(namespace, files, theirs))).toBe(timeout);
  });

  test('a scope changes nothing for proxies of others: they share what they shared', () => {
    const theirs = filter('a', 'ops', `${merge('connect_timeout: 2s')}, ${change('CLUSTER', 'REMOVE', '')}`);
    const files = { ...acme, files: shop };
    const { mesh, endpoints } = meshOf(files, pay, { ...other, files: theirs });
    const translate = createTranslator();
    const ops = translate(mesh, endpoints, proxyAt('10.0.0.9', 'ops'));
    const heard = ['shop', 'web', 'pay'].map((namespace) =>
      translate(mesh, endpoints, proxyAt('10.0.0.9', namespace)),
    );
    const before = snapshotOf(proxyAt('10.0.0.9', 'shop'), files, pay, { ...other, files: '' });
    const versions = ({ resources }: Snapshot) =>
      [...resources.values()].flatMap((byName) =>
        [...byName.values()].map(({ name, version }) => [name, version]),
      );
    expect(versions(heard[0] as Snapshot)).toEqual(versions(before));
    const clusters = heard.map(({ resources }) => resources.get(CLUSTER)?.get(cart));
    expect(clusters[1]).toBe(clusters[0]);
    expect(clusters[2]).toBe(clusters[0]);
    expect(namesOf(ops, 'clusters')).toEqual([]);
  });

  test('proxies with the same patches share what is patched, and the bytes of all else', () => {
    const { mesh, endpoints } = meshOf({
      ...acme,
      files: shop + filter('a', 'shop', merge('connect_timeout: 2s')),
    });
    const translate = createTranslator();
    const [one, two, without] = [
      proxyAt('10.0.0.8', 'shop', { LABELS: { a: 'b' } }),
      proxyAt('10.0.0.9', 'shop', { LABELS: { a: 'c' } }),
      proxyAt('10.0.0.9', 'web'),
    ].map((proxy) => translate(mesh, endpoints, proxy).resources.get(CLUSTER));
    expect(one?.get(cart)).toBe(two?.get(cart));
    expect(one?.get(cart)).not.toBe(without?.get(cart));
    const subset = `outbound|80|v1|${CART}`;
    expect(one?.get(subset)).toBe(without?.get(subset));
  });

  test('proxyVersion and metadata are what the proxy says of itself', () => {
    const files =
      shop +
      filter(
        'a',
        'shop',
        `{applyTo: CLUSTER, match: {proxy: {proxyVersion: '^1\\.2[0-9]', metadata: {TIER: front}}}, patch: {operation: MERGE, value: {connect_timeout: 2s}}}`,
      );
    const { mesh, endpoints } = meshOf({ ...acme, files });
    const translate = createTranslator();
    const timeouts = [
      { ISTIO_VERSION: '1.29.0', TIER: 'front' },
      { ISTIO_VERSION: '1.19.0', TIER: 'front' },
      { ISTIO_VERSION: '1.29.0', TIER: 'back' },
      { TIER: 'front' },
      {},
    ].map((metadata) => timeoutOf(translate(mesh, endpoints, proxyAt('10.0.0.9', 'shop', metadata))));
    expect(timeouts).toEqual(['2s', '10s', '10s', '10s', '10s']);
  });
});

test('targetRefs: the proxies of a Gateway, by its name, in the namespace alone', () => {
  const reference = '{group: gateway.networking.k8s.io, kind: Gateway, name: edge}';
  const files = filter('a', 'shop', merge('connect_timeout: 2s'), `, targetRefs: [${reference}]`);
  const { mesh, endpoints } = meshOf({ ...acme, files: shop + files });
  const timeouts = (
    [
      ['shop', 'edge'],
      ['shop', 'other'],
      ['web', 'edge'],
      ['shop', ''],
    ] as const
  ).map(([namespace, gateway]) => {
    const LABELS = gateway === '' ? {} : { 'gateway.networking.k8s.io/gateway-name': gateway };
    return timeoutOf(createTranslator()(mesh, endpoints, proxyAt('10.0.0.9', namespace, { LABELS })));
  });
  expect(timeouts).toEqual(['2s', '10s', '10s', '10s']);
});

test('a patch for waypoints is for no proxy, and the others of its document are applied', () => {
  const waypoint = `{applyTo: CLUSTER, match: {context: WAYPOINT}, patch: {operation: MERGE, value: {connect_timeout: 3s}}}`;
  const added = `{applyTo: CLUSTER, match: {context: WAYPOINT}, patch: {operation: ADD, value: {name: mine}}}`;
  const heard = heardBy(
    'shop',
    filter('a', 'shop', [waypoint, added, merge('alt_stat_name: mine')].join(', ')),
  );
  expect([timeoutOf(heard), jsonOf(heard, 'clusters', cart).alt_stat_name]).toEqual(['10s', 'mine']);
  expect(namesOf(heard, 'clusters')).not.toContain('mine');
});

describe('provenance', () => {
  test('a patched resource says where the patch is written', () => {
    const heard = heardBy('shop', filter('a', 'shop', merge('connect_timeout: 2s')));
    const sources = heard.resources
      .get(CLUSTER)
      ?.get(cart)
      ?.sources.map(({ document }) => document);
    expect(sources).toContain('EnvoyFilter/shop/a');
  });
});

describe('merging', () => {
  const merged = (value: string) =>
    jsonOf(heardBy('shop', filter('a', 'shop', merge(value))), 'clusters', cart);
  test('a field of a oneof takes the place of the other', () => {
    const found = merged('cluster_type: {name: mine}');
    expect([found.type, found.cluster_type]).toEqual([undefined, { name: 'mine' }]);
  });
  test('lists are appended, entries of maps replaced, structures merged', () => {
    const found = merged(
      'circuit_breakers: {thresholds: [{priority: HIGH, max_connections: 1}]}, metadata: {filter_metadata: {fairlead: {a: b}, mine: {c: d}}}',
    );
    expect(found.circuit_breakers?.thresholds).toHaveLength(2);
    expect(found.metadata?.filter_metadata).toEqual({ fairlead: { a: 'b' }, mine: { c: 'd' } });
  });
  test('MERGE_AND_REPLACE_LIST: a list takes the place of the other, and all else is merged', () => {
    const limits = (operation: string) =>
      filter(
        operation.toLowerCase().replaceAll('_', '-'),
        'shop',
        `{applyTo: CLUSTER, match: {cluster: {name: "${cart}"}}, patch: {operation: ${operation}, value: {circuit_breakers: {thresholds: [{priority: HIGH, max_connections: ${operation.length}}]}}}}`,
        `, priority: ${operation.length}`,
      );
    const heard = heardBy('shop', limits('MERGE') + limits('MERGE_AND_REPLACE_LIST'));
    const found = jsonOf(heard, 'clusters', cart);
    expect(found.circuit_breakers).toEqual({ thresholds: [{ priority: 'HIGH', max_connections: 22 }] });
    expect(found.connect_timeout).toBe('10s');
  });
  test('a default says nothing', () => {
    expect(merged('lb_policy: ROUND_ROBIN').lb_policy).toBe('LEAST_REQUEST');
  });
});

describe('what a match selects, of what is captured', () => {
  const files =
    service('cart', 'shop', '', '[{name: http, port: 80}, {name: tcp, port: 81}]') +
    workload('cart', 'shop', '10.0.0.1', 'app: cart, version: v1', ', ports: {http: 8080, tcp: 8081}') +
    subsets('cart', 'shop', 'cart', 'v1') +
    istio(
      'ServiceEntry',
      'tls',
      'shop',
      '{hosts: ["*.example"], addresses: [10.96.0.9], resolution: NONE, ports: [{number: 443, name: tls, protocol: TLS}]}',
    ) +
    istio(
      'VirtualService',
      'tls',
      'shop',
      `{hosts: ["*.example"], tls: [{match: [{sniHosts: [a.example]}], route: [{destination: {host: ${CART}, port: {number: 81}}}]}, {match: [{sniHosts: [b.example]}], route: [{destination: {host: "*.example"}}]}]}`,
    ) +
    routes(
      'cart',
      'shop',
      'cart',
      '[{name: r, match: [{uri: {exact: /r}}], redirect: {uri: /}}, {name: d, match: [{uri: {exact: /d}}], directResponse: {status: 200}}, {name: f, route: [{destination: {host: cart}}]}]',
    );
  const proxy = proxyAt('10.0.0.1', 'shop', { FAIRLEAD: { capture: 'redirect' } });
  /** How often what a patch says is there, by the resource where it is. */
  const found = (
    match: string,
    applyTo = 'FILTER_CHAIN',
    value = 'transport_socket_connect_timeout: 77s',
  ) => {
    const heard = snapshotOf(proxy, {
      ...acme,
      files: files + filter('a', 'shop', change(applyTo, 'MERGE', value, match)),
    });
    const all = [...heard.resources.values()].flatMap((byName) => [...byName.values()]);
    return all.flatMap(({ name, json }) => {
      const count = JSON.stringify(json).split('77').length - 1;
      return count === 0 ? [] : [`${name} ${count}`];
    });
  };
  const chains = (match: string) => found(`listener: {filterChain: {${match}}}`);
  const hosts = (match: string) =>
    found(
      `context: SIDECAR_OUTBOUND, routeConfiguration: {${match}}`,
      'HTTP_ROUTE',
      'response_headers_to_remove: ["77"]',
    );
  const clusters = (match: string) => found(`cluster: {${match}}`, 'CLUSTER', 'connect_timeout: 77s');

  test('chains', () => {
    expect(chains('name: 0.0.0.0_8080')).toEqual(['virtualInbound 1']);
    expect(chains('destinationPort: 8081')).toEqual(['virtualInbound 1']);
    expect(chains('sni: a.example')).toEqual(['10.96.0.9_443 1']);
    expect(chains('transportProtocol: tls')).toEqual(['10.96.0.9_443 2']);
    expect(chains('applicationProtocols: "http/1.1, h2c"')).toEqual(['0.0.0.0_80 1']);
    expect(chains('applicationProtocols: "http/1.1, h3"')).toEqual([]);
    expect(found('listener: {portNumber: 8081}')).toEqual(['virtualInbound 1']);
    expect(found('context: SIDECAR_OUTBOUND, listener: {portNumber: 80}')).toEqual(['0.0.0.0_80 2']);
  });

  test('listeners and their filters', () => {
    const limit = 'per_connection_buffer_limit_bytes: 77';
    expect(found('context: SIDECAR_INBOUND', 'LISTENER', limit)).toEqual(['virtualInbound 1']);
    expect(found('listener: {name: virtualOutbound}', 'LISTENER', limit)).toEqual(['virtualOutbound 1']);
    expect(found('listener: {portNumber: 15006}', 'LISTENER', limit)).toEqual(['virtualInbound 1']);
    expect(found('context: GATEWAY', 'LISTENER', limit)).toEqual([]);
    const inspector = 'listener: {listenerFilter: envoy.filters.listener.tls_inspector}';
    expect(
      found(inspector, 'LISTENER_FILTER', 'filter_disabled: {destination_port_range: {start: 77, end: 78}}'),
    ).toEqual(['0.0.0.0_80 1', '10.96.0.9_443 1']);
    const tcp =
      'context: SIDECAR_INBOUND, listener: {portNumber: 8081, filterChain: {filter: {name: envoy.tcp_proxy}}}';
    const timeout =
      'typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, idle_timeout: 77s}';
    expect(found(tcp, 'NETWORK_FILTER', timeout)).toEqual(['virtualInbound 1']);
  });

  test('routes', () => {
    expect(hosts('name: "80", vhost: {route: {name: r}}')).toEqual(['80 1']);
    expect(hosts('portNumber: 80, vhost: {route: {action: ROUTE}}')).toEqual(['80 2']);
    expect(hosts('portNumber: 80, vhost: {route: {action: REDIRECT}}')).toEqual(['80 1']);
    expect(hosts('portNumber: 80, vhost: {route: {action: DIRECT_RESPONSE}}')).toEqual(['80 1']);
    expect(hosts(`vhost: {domainName: ${CART}}`)).toEqual(['80 3']);
    expect(hosts('portNumber: 81')).toEqual([]);
  });

  test('clusters', () => {
    expect(clusters(`service: ${CART}, subset: v1, portNumber: 80`)).toEqual([`outbound|80|v1|${CART} 1`]);
    expect(clusters(`service: ${CART}, portNumber: 81`)).toEqual([
      `outbound|81|v1|${CART} 1`,
      `outbound|81||${CART} 1`,
    ]);
    expect(clusters('name: PassthroughCluster')).toEqual(['PassthroughCluster 1']);
    expect(clusters('portNumber: 8080')).toEqual(['inbound|8080|| 1']);
  });
});

const MANAGER = 'envoy.filters.network.http_connection_manager';
const chain = (filters: string) => `name: "x", filter_chains: [{filters: [${filters}]}]`;
const at = (port: number, name: string) =>
  `name: ${name}, address: {socket_address: {address: 127.0.0.1, port_value: ${port}}}`;
const echo =
  '{name: e, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}';

describe('what no Envoy could take is left out and told, and all else stays', () => {
  test.each<readonly [string, string]>([
    ['a second cluster of a name', change('CLUSTER', 'ADD', `name: "${cart}"`)],
    ['a cluster whose endpoints nobody knows', change('CLUSTER', 'ADD', 'name: a, type: EDS')],
    ['another name for a cluster', merge('name: b')],
    ['another name for a table', change('ROUTE_CONFIGURATION', 'MERGE', 'name: b')],
    ['a listener without an address', change('LISTENER', 'ADD', chain(echo))],
    ['a listener at an address that is taken', change('LISTENER', 'ADD', at(15080, 'mine'))],
    ['two listeners of a name', change('LISTENER', 'ADD', at(1234, '127.0.0.1_15080'))],
    [
      'routes that nobody has',
      change(
        'NETWORK_FILTER',
        'MERGE',
        'typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, rds: {route_config_name: gone}}',
      ),
    ],
    ['two chains for one connection', change('FILTER_CHAIN', 'ADD', `filters: [${echo}]`)],
    [
      'a filter after the last',
      change(
        'NETWORK_FILTER',
        'INSERT_AFTER',
        'name: x',
        `listener: {filterChain: {filter: {name: ${MANAGER}}}}`,
      ),
    ],
    ['no router', change('HTTP_FILTER', 'REMOVE', '')],
    [
      'a filter after the router',
      change(
        'HTTP_FILTER',
        'INSERT_AFTER',
        'name: x',
        `listener: {filterChain: {filter: {name: ${MANAGER}, subFilter: {name: envoy.filters.http.router}}}}`,
      ),
    ],
    [
      'an extension that nobody configures',
      change('HTTP_FILTER', 'INSERT_FIRST', 'name: x, config_discovery: {config_source: {ads: {}}}'),
    ],
    ['a domain twice', change('VIRTUAL_HOST', 'ADD', `name: mine, domains: ["${CART}"]`)],
    ['a virtual host without domains', change('VIRTUAL_HOST', 'ADD', 'name: mine')],
  ])('%s', async (_, patch) => {
    const before = heardBy('shop', '');
    const heard = heardBy('shop', filter('a', 'shop', `${patch}, ${merge('connect_timeout: 2s')}`));
    expect(heard.skipped.map(({ address, sources }) => [address, sources.length])).toEqual([
      ['EnvoyFilter/shop/a', 1],
    ]);
    expect(timeoutOf(heard)).toBe('2s');
    expect(namesOf(heard, 'listeners')).toEqual(namesOf(before, 'listeners'));
    expect(namesOf(heard, 'clusters')).toEqual(namesOf(before, 'clusters'));
  });

  test('one of very many, and very many', () => {
    const good = (index: number) => merge(`alt_stat_name: "a${index}"`, `subset: v${index}`);
    const bad = change('CLUSTER', 'ADD', `name: "${cart}"`);
    const all = Array.from({ length: 200 }, (_, index) => (index === 77 ? bad : good(index)));
    const one = heardBy('shop', filter('a', 'shop', [...all, merge('connect_timeout: 2s')].join(', ')));
    expect([one.skipped.length, timeoutOf(one)]).toEqual([1, '2s']);
    const half = Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? bad : good(index)));
    const many = heardBy('shop', filter('a', 'shop', [merge('connect_timeout: 2s'), ...half].join(', ')));
    expect(many.skipped.length).toBeGreaterThanOrEqual(100);
    expect([namesOf(many, 'listeners').length, timeoutOf(many)]).toEqual([1, '2s']);
  });

  /** How often somebody asks what a change says, where 200 of 40 services' clusters are changed. */
  const asked = (...bad: readonly string[]) => {
    const services = Array.from({ length: 40 }, (_, index) => service(`s${index}`, 'shop')).join('');
    const good = Array.from({ length: 200 }, (_, index) =>
      merge(`alt_stat_name: "a${index}"`, `service: s${index % 40}.shop.svc.cluster.local`),
    );
    const files = services + filter('a', 'shop', [...good, ...bad].join(', '));
    const { mesh, endpoints } = meshOf({ ...acme, files });
    let reads = 0;
    const counted = <T extends { readonly says: unknown }>(change: T): T => {
      const { says } = change;
      return Object.defineProperty({ ...change }, 'says', { get: () => [says, reads++][0] });
    };
    const amendments = mesh.amendments.map((one) => ({ ...one, changes: one.changes.map(counted) }));
    const { skipped } = translate({ ...mesh, amendments }, endpoints, proxyAt('10.0.0.9', 'shop'));
    return { reads, skipped: skipped.length };
  };

  test('to find it takes no longer than to apply all others', () => {
    const bad = change('CLUSTER', 'ADD', 'name: a, type: EDS');
    const [none, one, many] = [asked(), asked(bad), asked(...Array.from({ length: 20 }, () => bad))];
    expect([none.skipped, one.skipped, many.skipped]).toEqual([0, 1, 20]);
    expect(one.reads).toBeLessThan(3 * none.reads);
    expect(many.reads).toBeLessThan(4 * none.reads);
  });

  test.each([
    'LISTENER',
    'CLUSTER',
    'FILTER_CHAIN',
    'NETWORK_FILTER',
    'VIRTUAL_HOST',
    'HTTP_ROUTE',
    'LISTENER_FILTER',
  ])('REMOVE of every %s leaves what an Envoy takes', async (applyTo) => {
    const files = filter('a', 'shop', `{applyTo: ${applyTo}, patch: {operation: REMOVE}}`);
    for (const capture of ['ports', 'redirect']) {
      const proxy = proxyAt('10.0.0.1', 'shop', { FAIRLEAD: { capture } });
      const heard = snapshotOf(proxy, { ...acme, files: shop + files });
      expect(heard.skipped).toEqual([]);
      expect(await validate(staticBootstrap(heard))).toBe('OK');
    }
  });
});

test('with patches, an edit of a route is translated as it would be alone', () => {
  const files = (target: string) =>
    service('cart', 'shop') +
    subsets('cart', 'shop', 'cart', 'v1', 'v2') +
    filter('a', 'shop', change('HTTP_ROUTE', 'MERGE', 'response_headers_to_remove: [a]')) +
    routes('cart', 'shop', 'cart', to('cart', `, subset: ${target}`));
  const translate = createTranslator();
  const proxy = proxyAt('10.0.0.9', 'shop');
  for (const target of ['v1', 'v2', 'v1']) {
    const { mesh, endpoints } = meshOf({ ...acme, files: files(target) });
    const heard = translate(mesh, endpoints, proxy);
    expect(JSON.stringify(jsonOf(heard, 'routes', 'http_proxy'))).toContain(`outbound|80|${target}|${CART}`);
    expect(JSON.stringify(jsonOf(heard, 'routes', 'http_proxy'))).toContain('response_headers_to_remove');
  }
});

import * as fc from 'fast-check';

/** EnvoyFilters that are right. */

type Value = fc.Arbitrary<unknown>;

const is = (...values: readonly unknown[]): Value => fc.constantFrom(...values);
const some = (fields: Readonly<Record<string, Value>>, ...required: readonly string[]): Value =>
  fc.record({ ...fields }, { requiredKeys: [...required] });

const manager = 'envoy.filters.network.http_connection_manager';
const filter = some(
  {
    name: is(manager, 'envoy.filters.network.tcp_proxy'),
    subFilter: is({ name: 'envoy.filters.http.router' }),
  },
  'name',
  'subFilter',
);
const listener = some(
  {
    name: is('virtualInbound', '0.0.0.0_80'),
    portNumber: is(80, 8080),
    filterChain: some(
      {
        name: is('chain'),
        sni: is('a.example.com'),
        transportProtocol: is('tls', 'raw_buffer'),
        applicationProtocols: is('h2,http/1.1'),
        destinationPort: is(80),
        filter,
      },
      'filter',
    ),
  },
  'filterChain',
);
const routeConfiguration = some({
  name: is('80', 'http_proxy'),
  portNumber: is(80),
  portName: is('http'),
  gateway: is('edge/edge'),
  vhost: some({
    name: is('cart.shop.svc.cluster.local:80'),
    domainName: is('cart.shop'),
    route: some({ name: is('default'), action: is('ANY', 'ROUTE', 'REDIRECT', 'DIRECT_RESPONSE') }),
  }),
});
const cluster = some({ name: is('a'), service: is('a.example.com'), subset: is('v1'), portNumber: is(80) });
const proxy = some({ proxyVersion: is('^1\\.2.*'), metadata: is({ a: 'b' }) });

const matching = (object: Readonly<Record<string, Value>>): Value =>
  some({ ...object, proxy, context: is('ANY', 'SIDECAR_INBOUND', 'SIDECAR_OUTBOUND', 'GATEWAY') });

const patch = (
  applyTo: string,
  object: Readonly<Record<string, Value>>,
  value: unknown,
  ...operations: string[]
) =>
  some(
    {
      applyTo: is(applyTo),
      match: matching(object),
      patch: some({ operation: is(...operations), value: is(value) }, 'operation', 'value'),
    },
    'applyTo',
    'patch',
  );

const httpFilter = {
  name: 'envoy.filters.http.lua',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua',
    default_source_code: { inline_string: 'x' },
  },
};

const patches = fc.oneof(
  ...[
    patch('HTTP_FILTER', { listener }, httpFilter, 'INSERT_BEFORE', 'INSERT_AFTER', 'INSERT_FIRST', 'ADD'),
    patch('NETWORK_FILTER', { listener }, { name: 'a' }, 'MERGE', 'INSERT_FIRST'),
    patch('LISTENER', { listener }, { per_connection_buffer_limit_bytes: 4096 }, 'MERGE'),
    patch('VIRTUAL_HOST', { routeConfiguration }, { name: 'a', domains: ['a'] }, 'ADD', 'MERGE'),
    patch(
      'HTTP_ROUTE',
      { routeConfiguration },
      { name: 'a', match: { prefix: '/' } },
      'INSERT_FIRST',
      'MERGE',
    ),
    patch('CLUSTER', { cluster }, { connectTimeout: '1s' }, 'MERGE'),
  ],
);

export const envoyFilters: Value = some(
  {
    workloadSelector: is({ labels: { app: 'cart' } }),
    configPatches: fc.tuple(patches).map((all): unknown => all),
    priority: is(-1, 10),
  },
  'configPatches',
);

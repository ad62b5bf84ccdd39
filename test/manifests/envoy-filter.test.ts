import { expect, test, vi } from 'vitest';
import { envoyTypes } from '../../src/generated/envoy-types.js';
import { problemsOf, read } from './scope.ts';

/** What is wrong with EnvoyFilters, and where. */

const document = (spec: string) => `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: a, namespace: shop}
spec:
${spec}
`;
const patch = (applyTo: string, operation: string, value: string, match = '') => `  configPatches:
  - applyTo: ${applyTo}
    match: {${match}}
    patch:
      operation: ${operation}
      value:
        ${value}`;
const merge = (value: string) => patch('CLUSTER', 'MERGE', value);
const typed = (type: string, more = '') =>
  patch('HTTP_FILTER', 'ADD', `name: a\n        typed_config: {"@type": ${type}${more}}`);
const gateways = 'group: gateway.networking.k8s.io';
const target = (reference: string) => `  targetRefs: [{${reference}}]`;

test.each<readonly [string, string, readonly string[]]>([
  ['nothing', '  configPatches: []', []],
  ['targetRefs of a Gateway', target(`${gateways}, kind: Gateway, name: a`), []],
  [
    'targetRefs of another Gateway',
    target('group: networking.istio.io, kind: Gateway, name: a'),
    ['FL2108 5:16'],
  ],
  [
    'targetRefs of a Gateway elsewhere',
    target(`${gateways}, kind: Gateway, name: a, namespace: web`),
    ['FL2297 5:86'],
  ],
  ['targetRefs of a GatewayClass', target(`${gateways}, kind: GatewayClass, name: a`), ['FL2104 5:57']],
  ['targetRefs of a Service', target('kind: Service, name: a'), ['FL2104 5:23']],
  [
    'targetRefs of a ServiceEntry beside a Gateway',
    target(`${gateways}, kind: Gateway, name: a}, {group: networking.istio.io, kind: ServiceEntry, name: a`),
    ['FL2298 5:111'],
  ],
  [
    'targetRefs and workloadSelector',
    `${target(`${gateways}, kind: Gateway, name: a`)}\n  workloadSelector: {labels: {a: b}}`,
    ['FL2220 5:3'],
  ],
  ['BOOTSTRAP', patch('BOOTSTRAP', 'MERGE', '{}'), ['FL2104 6:14']],
  ['another applyTo', patch('CLUSTERS', 'MERGE', '{}'), ['FL2108 6:14']],
  ['waypoints', patch('CLUSTER', 'MERGE', '{}', 'context: WAYPOINT'), ['FL2104 7:22']],
  [
    'waypoints beside others',
    `${patch('HTTP_FILTER', 'ADD', 'name: a', 'context: WAYPOINT, waypoint: {portNumber: 80}')}\n  - {applyTo: CLUSTER, patch: {operation: REMOVE}}`,
    ['FL2298 7:22'],
  ],
  [
    'waypoint of another context',
    patch('CLUSTER', 'MERGE', 'connect_timeout: 1s', 'waypoint: {}'),
    ['FL2221 7:13'],
  ],
  [
    'MERGE_AND_REPLACE_LIST',
    patch('CLUSTER', 'MERGE_AND_REPLACE_LIST', 'health_checks: []'),
    ['FL2293 11:9'],
  ],
  ['an unknown field', merge('connectTimeouts: 1s'), ['FL2105 11:9']],
  ['an unknown field below', merge('circuit_breakers: {thresholds: [{max: 1}]}'), ['FL2105 11:42']],
  ['a field of another message', patch('LISTENER', 'MERGE', 'connect_timeout: 1s'), ['FL2105 11:9']],
  ['a malformed duration', merge('connect_timeout: 1 second'), ['FL2109 11:26']],
  ['a number out of range', merge('per_connection_buffer_limit_bytes: -1'), ['FL2109 11:44']],
  ['an unknown word', merge('lb_policy: BEST'), ['FL2109 11:20']],
  ['an object in place of a list', merge('health_checks: {timeout: 1s}'), ['FL2107 11:9']],
  ['a text in place of an object', merge('circuit_breakers: a'), ['FL2107 11:27']],
  ['nothing in place of a value', merge('connect_timeout:'), ['FL2107 11:25']],
  ['two of a oneof', merge('type: STATIC\n        cluster_type: {name: a}'), ['FL2220 10:7']],
  ['no @type', patch('HTTP_FILTER', 'ADD', 'name: a\n        typed_config: {a: b}'), ['FL2106 12:9']],
  ['an unknown type', typed('type.googleapis.com/envoy.Nothing'), ['FL2290 12:33']],
  ['a type without its host', typed('envoy.extensions.filters.http.lua.v3.Lua'), ['FL2290 12:33']],
  [
    'an unknown field of a type',
    typed('type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua', ', inlineCod: a'),
    ['FL2105 12:95'],
  ],
  [
    'an extension that nobody here knows, in JSON',
    typed('type.googleapis.com/udpa.type.v1.TypedStruct', ', type_url: a/b, value: {c: [1, {d: e}]}'),
    [],
  ],
  ['names of JSON', merge('connectTimeout: 1s'), []],
  ['a default in a MERGE', merge('lb_policy: ROUND_ROBIN'), ['FL2293 11:20']],
  ['false in a MERGE', merge('respect_dns_ttl: false'), ['FL2293 11:26']],
  [
    'false where it can be absent',
    merge('upstream_connection_options: {tcp_keepalive: {keepalive_time: 0}}'),
    [],
  ],
  ['an operation that does nothing', patch('CLUSTER', 'INSERT_FIRST', 'name: a'), ['FL2291 9:18']],
  ['another one', patch('ROUTE_CONFIGURATION', 'REMOVE', '{}'), ['FL2291 9:18', 'FL2244 10:7']],
  ['no value', '  configPatches:\n  - applyTo: CLUSTER\n    patch: {operation: MERGE}', ['FL2106 7:5']],
  ['no name', patch('CLUSTER', 'ADD', 'connect_timeout: 1s'), ['FL2106 10:7']],
  ['everything replaced', patch('HTTP_FILTER', 'REPLACE', 'name: a'), ['FL2292 7:5']],
  [
    'a match of something else',
    patch('CLUSTER', 'MERGE', 'connect_timeout: 1s', 'listener: {name: a}'),
    ['FL2221 7:13'],
  ],
  [
    'a class where there is none',
    `${patch('CLUSTER', 'MERGE', 'connect_timeout: 1s')}\n      filterClass: AUTHN`,
    ['FL2221 12:7'],
  ],
  [
    'a version that is not RE2',
    patch('CLUSTER', 'MERGE', 'connect_timeout: 1s', 'proxy: {proxyVersion: "(?=a)"}'),
    ['FL2211 7:35'],
  ],
])('%s', (_, spec, problems) => {
  expect(problemsOf(document(spec))).toEqual(problems);
});

test('values are those of Envoy\u2019s documentation, however they are written', () => {
  const { resources } = read({ 'a.yaml': document(merge('connectTimeout: 1s\n        lbPolicy: MAGLEV')) });
  const [resource] = resources;
  const value = resource?.kind === 'EnvoyFilter' ? resource.spec.configPatches?.[0]?.patch.value : null;
  expect(value).toEqual({ connect_timeout: '1s', lb_policy: 'MAGLEV' });
});

test('hostile values are problems, and nothing else', () => {
  const deep = `${'{"a": ['.repeat(28)}${']}'.repeat(28)}`;
  const values = [
    '__proto__: {polluted: true}',
    'constructor: {prototype: {polluted: true}}',
    `metadata: {filter_metadata: {a: ${deep}}}`,
    'load_assignment: {endpoints: [null]}',
    'typed_extension_protocol_options: {a: null}',
    'name: 1',
    'transport_socket: {typed_config: {"@type": 7}}',
    'transport_socket: {typed_config: {"@type": type.googleapis.com/google.protobuf.Any, value: 7}}',
    'transport_socket: {typed_config: {"@type": "type.googleapis.com/__proto__"}}',
    'transport_socket: {typed_config: {"@type": "type.googleapis.com/envoy.config"}}',
  ];
  for (const value of values) {
    const { resources, problems } = read({ 'a.yaml': document(merge(value)) });
    expect([value, resources.length + problems.length > 0]).toEqual([value, true]);
  }
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

test('what Envoy does not have is not looked for in all that it has', () => {
  const looked = vi.spyOn(envoyTypes(), 'lookupType');
  expect(problemsOf(document(typed('type.googleapis.com/envoy.Nothing')))).toEqual(['FL2290 12:33']);
  expect(looked.mock.calls.flat()).not.toContain('envoy.Nothing');
  looked.mockRestore();
});

test('BOOTSTRAP is refused with the way to say it', () => {
  const { problems } = read({ 'a.yaml': document(patch('BOOTSTRAP', 'MERGE', '{}')) });
  expect(problems.map(({ fix }) => fix)).toEqual([expect.stringContaining('fairlead bootstrap')]);
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { istio, routes, service } from '../mesh/manifests.ts';
import type { Host } from '../network/namespaces.ts';
import { createNetworkStage, type NetworkStage } from '../network/stage.ts';

/** What EnvoyFilters do to the captured traffic of a client whose application knows nothing of them. */
let stage: NetworkStage;
let client: Host;

const ECHO = 'echo.demo.svc.cluster.local';
const VIP = '10.96.0.10';
const MANAGER = 'envoy.filters.network.http_connection_manager';
const typed = (type: string, fields: string) =>
  `{"@type": type.googleapis.com/envoy.extensions.filters.${type}, ${fields}}`;
const says = (text: string) =>
  typed('network.direct_response.v3.Config', `response: {inline_string: ${text}}`);
const lua = `function envoy_on_request(handle) if handle:headers():get(':path') == '/lua' then handle:respond({[':status'] = '418'}, 'lua') end end`;

const patches: readonly (readonly [string, string, string, string])[] = [
  [
    'HTTP_FILTER',
    'INSERT_BEFORE',
    `listener: {filterChain: {filter: {name: ${MANAGER}, subFilter: {name: envoy.filters.http.router}}}}`,
    `{name: lua, typed_config: ${typed('http.lua.v3.Lua', `default_source_code: {inline_string: "${lua}"}`)}}`,
  ],
  [
    'HTTP_ROUTE',
    'MERGE',
    `routeConfiguration: {vhost: {name: "${ECHO}:80", route: {name: closed}}}`,
    '{direct_response: {status: 451}}',
  ],
  ['VIRTUAL_HOST', 'MERGE', `routeConfiguration: {vhost: {name: "${ECHO}:83"}}`, '{require_tls: ALL}'],
  [
    'CLUSTER',
    'MERGE_AND_REPLACE_LIST',
    `cluster: {name: "outbound|82||${ECHO}"}`,
    '{circuit_breakers: {thresholds: [{max_connections: 0, max_pending_requests: 0}]}}',
  ],
  [
    'NETWORK_FILTER',
    'REPLACE',
    'listener: {portNumber: 81, filterChain: {filter: {name: envoy.filters.network.tcp_proxy}}}',
    `{name: says, typed_config: ${says('patched')}}`,
  ],
  [
    'LISTENER',
    'ADD',
    '',
    `{name: added, address: {socket_address: {address: 127.0.0.1, port_value: 9000}}, filter_chains: [{filters: [{name: says, typed_config: ${says('added')}}]}]}`,
  ],
];

function manifests(address: string): string {
  const ports =
    '[{name: http, port: 80}, {name: tcp, port: 81}, {name: http-b, port: 82}, {name: http-c, port: 83}]';
  const configPatches = patches.map(([applyTo, operation, match, value]) => {
    const all = `context: SIDECAR_OUTBOUND${match === '' ? '' : `, ${match}`}`;
    return `{applyTo: ${applyTo}, match: {${all}}, patch: {operation: ${operation}, value: ${value}}}`;
  });
  const filter = istio('EnvoyFilter', 'patches', 'web', `{configPatches: [${configPatches.join(', ')}]}`);
  return [
    service('echo', 'demo', `, clusterIP: ${VIP}`, ports),
    istio(
      'WorkloadEntry',
      'echo',
      'demo',
      `{address: ${address}, labels: {app: echo}, ports: {http: 8081, tcp: 8082, http-b: 8081, http-c: 8081}}`,
    ),
    routes(
      'echo',
      'demo',
      ECHO,
      '[{name: closed, match: [{port: 80, uri: {prefix: /closed}}], route: [{destination: {host: echo}}]}, {route: [{destination: {host: echo}}]}]',
    ),
    filter.replace('networking.istio.io/v1\n', 'networking.istio.io/v1alpha3\n'),
  ].join('');
}

beforeAll(async () => {
  stage = await createNetworkStage();
  const server = await stage.network.host('server');
  client = await stage.network.host('client', { [ECHO]: VIP });
  const control = await stage.serve(manifests(server.address));
  await server.serve('http', 8081, 'echo');
  await server.serve('tcp', 8082, 'echo');
  await client.redirect();
  const metadata = { FAIRLEAD: { capture: 'redirect' } };
  await stage.envoy(control, client, { name: 'client-1', namespace: 'web', metadata });
});
afterAll(() => stage?.close());

const answered = async (url: string) => (await client.get(url)).map((answer) => answer.slice(0, 8).trim());

test('HTTP_FILTER: a script answers, and lets all else pass', async () => {
  expect(await answered(`http://${ECHO}/lua`)).toEqual(['418 lua']);
  expect(await answered(`http://${ECHO}/`)).toEqual(['200 echo']);
});

test('HTTP_ROUTE: the route is answered in place of the service; VIRTUAL_HOST: the host of one port insists on https', async () => {
  expect(await answered(`http://${ECHO}/closed`)).toEqual(['451']);
  expect(await answered(`http://${ECHO}:83/`)).toEqual(['301']);
});

test('CLUSTER: the port that may have no connection fails fast', async () => {
  expect((await answered(`http://${ECHO}:82/`)).map((answer) => answer.slice(0, 3))).toEqual(['503']);
});

test('NETWORK_FILTER: another one speaks in place of the service; LISTENER: one more', async () => {
  expect(await client.talk(VIP, 81)).toBe('patched');
  expect(await client.talk('127.0.0.1', 9000)).toBe('added');
});

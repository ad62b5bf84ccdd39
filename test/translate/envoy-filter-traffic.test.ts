import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { bound, gateway, istio, routes, service, to, workload } from '../mesh/manifests.ts';
import { validate } from './envoy.ts';
import { Stand } from './stand.ts';
import { staticBootstrap } from './static.ts';
import { jsonOf, proxyAt, snapshotOf } from './world.ts';

/** What EnvoyFilters do to requests, through real Envoys. */

const acme = (files: string) => ({ path: 'acme', files });
const host = (name: string, namespace = 'shop') => `${name}.${namespace}.svc.cluster.local`;
const serving = (name: string, namespace: string, port: number) =>
  service(name, namespace) +
  workload(name, namespace, '127.0.0.1', `app: ${name}, version: v1`, `, ports: {http: ${port}}`);

/** An EnvoyFilter of one patch. */
function filter(namespace: string, patch: string, more = '', name = 'patch'): string {
  const head = 'apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter';
  return `${head}\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: {configPatches: [{${patch}}]${more}}\n---\n`;
}

const MANAGER = 'envoy.filters.network.http_connection_manager';
const ROUTER = `filterChain: {filter: {name: ${MANAGER}, subFilter: {name: envoy.filters.http.router}}}`;
const lua = (code: string, name = 'envoy.filters.http.lua') =>
  `{name: ${name}, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, default_source_code: {inline_string: "${code}"}}}`;
const header = (name: string, value: string) =>
  `function envoy_on_response(handle) handle:headers():add('${name}', '${value}') end`;
const adds = (name: string, value: string) =>
  `{name: ${name}, typedConfig: {"@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation, mutations: {responseMutations: [{append: {header: {key: x-added, value: ${value}}}}]}}}`;

/** What a client of namespace `web` gets of `cart` and of `pay`, whose answers are their names. */
async function answersTo(patches: (ports: { readonly other: number }) => string) {
  const stand = new Stand();
  const other = await stand.backend('other');
  const files =
    serving('cart', 'shop', await stand.backend('cart')) +
    serving('pay', 'shop', await stand.backend('pay')) +
    routes(
      'cart',
      'shop',
      'cart',
      '[{name: first, match: [{uri: {prefix: /first}}], route: [{destination: {host: cart}}]}, {route: [{destination: {host: cart}}], fault: {abort: {httpStatus: 418, percentage: {value: 100}}}}]',
    ) +
    patches({ other });
  const client = await stand.client('web', [acme(files)]);
  return {
    ask: async (name: string, path = '/') => {
      const { status, headers, body } = await client.ask(host(name), { path });
      return { status, body, added: headers['x-added'], server: headers.server };
    },
    [Symbol.asyncDispose]: () => stand[Symbol.asyncDispose](),
  };
}

const responds = (name: string, value: string) =>
  `response_headers_to_add: [{header: {key: ${name}, value: "${value}"}}]`;
const out = (match: string) => `match: {context: SIDECAR_OUTBOUND, ${match}}`;

describe('HTTP_FILTER', () => {
  test('INSERT_BEFORE the router: a Lua script for one workload, and not for another', async () => {
    await using stand = new Stand();
    const files =
      serving('cart', 'shop', await stand.backend('cart')) +
      filter(
        'web',
        `applyTo: HTTP_FILTER, ${out(`listener: {${ROUTER}}`)}, patch: {operation: INSERT_BEFORE, value: ${lua(header('x-lua', 'yes'))}}`,
        ', workloadSelector: {labels: {app: web}}',
      );
    const answered = async (namespace: string, labels = {}) => {
      const client = await stand.client(namespace, [acme(files)], { labels });
      const { status, headers } = await client.ask(host('cart'));
      return [status, headers['x-lua']];
    };
    expect(await answered('web', { app: 'web' })).toEqual([200, 'yes']);
    expect(await answered('web', { app: 'other' })).toEqual([200, undefined]);
    expect(await answered('shop', { app: 'web' })).toEqual([200, undefined]);
  });

  test.each([
    ['ADD: before the router', '', 'ADD'],
    ['ADD: in the class of authorization', ', filterClass: AUTHZ', 'ADD'],
    ['INSERT_FIRST', '', 'INSERT_FIRST'],
    ['INSERT_AFTER without a filter: at the end', '', 'INSERT_AFTER'],
  ])('%s', async (_, more, operation) => {
    await using answers = await answersTo(() =>
      filter(
        'web',
        `applyTo: HTTP_FILTER, ${out(`listener: {filterChain: {filter: {name: ${MANAGER}}}}`)}, patch: {operation: ${operation}, value: ${adds('mutation', 'a')}${more}}`,
      ),
    );
    expect(await answers.ask('pay')).toMatchObject({ status: 200, body: 'pay', added: 'a' });
  });

  test('REMOVE: without the filter, faults are not injected; MERGE and REPLACE change what was inserted', async () => {
    const named = (name: string) =>
      out(`listener: {filterChain: {filter: {name: ${MANAGER}, subFilter: {name: ${name}}}}}`);
    await using answers = await answersTo(() =>
      [
        `applyTo: HTTP_FILTER, ${named('envoy.filters.http.fault')}, patch: {operation: REMOVE}`,
        `applyTo: HTTP_FILTER, ${named('envoy.filters.http.router')}, patch: {operation: INSERT_BEFORE, value: ${adds('one', 'a')}}`,
        `applyTo: HTTP_FILTER, ${named('one')}, patch: {operation: MERGE, value: ${adds('one', 'b')}}`,
        `applyTo: HTTP_FILTER, ${named('envoy.filters.http.router')}, patch: {operation: INSERT_BEFORE, value: ${adds('two', 'c')}}`,
        `applyTo: HTTP_FILTER, ${named('two')}, patch: {operation: REPLACE, value: ${adds('two', 'd')}}`,
      ]
        .map((patch, index) => filter('web', patch, `, priority: ${index}`, `p${index}`))
        .join(''),
    );
    expect(await answers.ask('cart')).toMatchObject({ status: 200, body: 'cart', added: 'd, a, b' });
  });

  test('of an EXTENSION_CONFIG, by its name', async () => {
    const discovered =
      '{name: mine, config_discovery: {config_source: {ads: {}, resource_api_version: V3}, type_urls: [type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation]}}';
    await using answers = await answersTo(
      () =>
        filter(
          'web',
          `applyTo: EXTENSION_CONFIG, match: {context: SIDECAR_OUTBOUND}, patch: {operation: ADD, value: ${adds('mine', 'a')}}`,
          '',
          'config',
        ) +
        filter(
          'web',
          `applyTo: HTTP_FILTER, ${out(`listener: {${ROUTER}}`)}, patch: {operation: INSERT_BEFORE, value: ${discovered}}`,
        ),
    );
    expect(await answers.ask('pay')).toMatchObject({ status: 200, added: 'a' });
  });
});

describe('routes', () => {
  test('ROUTE_CONFIGURATION: merged, for all of its hosts', async () => {
    await using answers = await answersTo(() =>
      filter(
        'web',
        `applyTo: ROUTE_CONFIGURATION, ${out('routeConfiguration: {name: http_proxy}')}, patch: {operation: MERGE, value: {${responds('x-added', 'a')}}}`,
      ),
    );
    expect([(await answers.ask('pay')).added, (await answers.ask('cart', '/first')).added]).toEqual([
      'a',
      'a',
    ]);
  });

  test('VIRTUAL_HOST: merged by host and port, and no other', async () => {
    await using answers = await answersTo(() =>
      filter(
        'web',
        `applyTo: VIRTUAL_HOST, ${out(`routeConfiguration: {vhost: {name: "${host('pay')}:80"}}`)}, patch: {operation: MERGE, value: {${responds('x-added', 'a')}}}`,
      ),
    );
    expect([(await answers.ask('pay')).added, (await answers.ask('cart', '/first')).added]).toEqual([
      'a',
      undefined,
    ]);
  });

  test('VIRTUAL_HOST: added, and removed', async () => {
    await using answers = await answersTo(
      () =>
        filter(
          'web',
          `applyTo: VIRTUAL_HOST, ${out('routeConfiguration: {portNumber: 80}')}, patch: {operation: ADD, value: {name: mine, domains: ["${host('mine')}"], routes: [{match: {prefix: /}, direct_response: {status: 299}}]}}`,
        ) +
        filter(
          'web',
          `applyTo: VIRTUAL_HOST, ${out(`routeConfiguration: {vhost: {domainName: ${host('pay')}}}`)}, patch: {operation: REMOVE}`,
          '',
          'remove',
        ),
    );
    expect([(await answers.ask('mine')).status, (await answers.ask('pay')).status]).toEqual([299, 503]);
    expect((await answers.ask('cart', '/first')).status).toBe(200);
  });

  test('HTTP_ROUTE: merged by name, to a CLUSTER that is added', async () => {
    await using answers = await answersTo(
      ({ other }) =>
        filter(
          'web',
          `applyTo: CLUSTER, match: {context: SIDECAR_OUTBOUND}, patch: {operation: ADD, value: {name: mine, type: STATIC, connect_timeout: 1s, load_assignment: {cluster_name: mine, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: ${other}}}}}]}]}}}`,
          '',
          'cluster',
        ) +
        filter(
          'web',
          `applyTo: HTTP_ROUTE, ${out(`routeConfiguration: {vhost: {name: "${host('cart')}:80", route: {name: first}}}`)}, patch: {operation: MERGE, value: {route: {cluster: mine}}}`,
        ),
    );
    expect(await answers.ask('cart', '/first')).toMatchObject({ status: 200, body: 'other' });
    expect((await answers.ask('cart')).status).toBe(418);
  });

  test.each([
    ['INSERT_FIRST', '', '/first', 298],
    ['INSERT_BEFORE', ', route: {name: first}', '/first', 298],
    ['INSERT_AFTER', ', route: {name: first}', '/first', 200],
    ['INSERT_AFTER', ', route: {name: first}', '/', 298],
    ['INSERT_BEFORE', ', route: {action: REDIRECT}', '/first', 200],
  ])('HTTP_ROUTE: %s%s: %s is answered %d', async (operation, route, path, status) => {
    await using answers = await answersTo(() =>
      filter(
        'web',
        `applyTo: HTTP_ROUTE, ${out(`routeConfiguration: {vhost: {name: "${host('cart')}:80"${route}}}`)}, patch: {operation: ${operation}, value: {name: mine, match: {prefix: /}, direct_response: {status: 298}}}`,
      ),
    );
    expect((await answers.ask('cart', path)).status).toBe(status);
  });

  test('HTTP_ROUTE: removed', async () => {
    await using answers = await answersTo(() =>
      filter(
        'web',
        `applyTo: HTTP_ROUTE, ${out(`routeConfiguration: {vhost: {name: "${host('cart')}:80", route: {name: first}}}`)}, patch: {operation: REMOVE}`,
      ),
    );
    expect((await answers.ask('cart', '/first')).status).toBe(418);
  });
});

describe('CLUSTER', () => {
  test('merged: its service alone fails fast, when it may have no connection', async () => {
    await using answers = await answersTo(() =>
      filter(
        'web',
        `applyTo: CLUSTER, ${out(`cluster: {service: ${host('pay')}, portNumber: 80}`)}, patch: {operation: MERGE, value: {connect_timeout: 0.25s, transport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext}}}}`,
      ),
    );
    expect([(await answers.ask('pay')).status, (await answers.ask('cart', '/first')).status]).toEqual([
      503, 200,
    ]);
  });

  test('removed: its routes are answered 503', async () => {
    await using answers = await answersTo(() =>
      filter(
        'web',
        `applyTo: CLUSTER, ${out(`cluster: {name: "outbound|80||${host('pay')}"}`)}, patch: {operation: REMOVE}`,
      ),
    );
    expect([(await answers.ask('pay')).status, (await answers.ask('cart', '/first')).status]).toEqual([
      503, 200,
    ]);
  });
});

describe('listeners', () => {
  test('NETWORK_FILTER: a connection manager is merged', async () => {
    await using answers = await answersTo(() =>
      filter(
        'web',
        `applyTo: NETWORK_FILTER, ${out(`listener: {filterChain: {filter: {name: ${MANAGER}}}}`)}, patch: {operation: MERGE, value: {typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, server_name: mine}}}`,
      ),
    );
    expect((await answers.ask('pay')).server).toBe('mine');
  });

  test('LISTENER: added, with filters of its own; LISTENER_FILTER and NETWORK_FILTER: added to a chain', async () => {
    await using stand = new Stand();
    const [port = 0] = await freePorts(1);
    const direct = (text: string) =>
      `{name: direct, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config, response: {inline_string: ${text}}}}`;
    const files = filter(
      'web',
      `applyTo: LISTENER, match: {context: ANY}, patch: {operation: ADD, value: {name: mine, address: {socketAddress: {address: 127.0.0.1, portValue: ${port}}}, filterChains: [{filters: [${direct('hello')}]}]}}`,
    );
    await stand.client('web', [acme(files)]);
    expect(await said(port)).toBe('hello');
  });

  test('SIDECAR_INBOUND: the requests that a workload gets, and not those that it sends', async () => {
    await using stand = new Stand();
    const application = await stand.backend('application');
    const [port = 0] = await freePorts(1);
    const files =
      service('cart', 'shop') +
      workload('cart', 'shop', '127.0.0.2', 'app: cart', `, ports: {http: ${port}}`) +
      istio(
        'Sidecar',
        'cart',
        'shop',
        `{ingress: [{port: {number: ${port}, protocol: HTTP}, defaultEndpoint: "127.0.0.1:${application}"}]}`,
      ) +
      filter(
        'shop',
        `applyTo: HTTP_FILTER, match: {context: SIDECAR_INBOUND, listener: {name: virtualInbound, portNumber: ${port}, ${ROUTER}}}, patch: {operation: INSERT_BEFORE, value: ${adds('one', 'a')}}`,
      );
    const client = await stand.client('shop', [acme(files)], { ip: '127.0.0.2' });
    const answer = await fetch(`http://127.0.0.2:${port}/`);
    expect([answer.status, await answer.text(), answer.headers.get('x-added')]).toEqual([
      200,
      'application',
      'a',
    ]);
    expect((await client.ask('unknown.example')).headers['x-added']).toBeUndefined();
  });

  test('GATEWAY: at its port', async () => {
    await using stand = new Stand();
    const [port = 0] = await freePorts(1);
    const files =
      serving('cart', 'shop', await stand.backend('cart')) +
      gateway('edge', 'edge', '["*"]', '', port) +
      bound('cart', 'edge', '*', '[edge]', to(host('cart'))) +
      filter(
        'edge',
        `applyTo: VIRTUAL_HOST, match: {context: GATEWAY, routeConfiguration: {portNumber: ${port}, gateway: edge/edge, portName: http}}, patch: {operation: MERGE, value: {${responds('x-added', 'a')}}}`,
      );
    await stand.gateway('edge', [acme(files)], { app: 'edge' });
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    expect([answer.status, answer.headers.get('x-added')]).toEqual([200, 'a']);
  });

  test('captured: the chains of virtualInbound by their port, and listeners by Istio\u2019s names', async () => {
    const files =
      service('cart', 'shop', '', '[{name: http, port: 80, targetPort: 8080}, {name: http-b, port: 81}]') +
      service('db', 'shop', ', clusterIP: 10.96.0.9', '[{name: tcp, port: 5432}]') +
      workload('cart', 'shop', '10.0.0.1', 'app: cart', ', ports: {http: 8080, http-b: 9090}') +
      [
        `applyTo: HTTP_FILTER, match: {context: SIDECAR_INBOUND, listener: {portNumber: 8080, ${ROUTER}}}, patch: {operation: INSERT_BEFORE, value: ${adds('inbound', 'a')}}`,
        `applyTo: HTTP_FILTER, match: {context: SIDECAR_OUTBOUND, listener: {name: 0.0.0.0_80, ${ROUTER}}}, patch: {operation: INSERT_BEFORE, value: ${adds('outbound', 'a')}}`,
        `applyTo: NETWORK_FILTER, match: {listener: {name: 10.96.0.9_5432}}, patch: {operation: INSERT_FIRST, value: {name: limit, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit, stat_prefix: limit, max_connections: 1}}}`,
        'applyTo: FILTER_CHAIN, match: {context: SIDECAR_INBOUND, listener: {name: virtualInbound, portNumber: 8080}}, patch: {operation: MERGE, value: {transport_socket_connect_timeout: 3s}}',
        'applyTo: LISTENER_FILTER, match: {context: SIDECAR_OUTBOUND, listener: {name: virtualOutbound}}, patch: {operation: INSERT_FIRST, value: {name: envoy.filters.listener.tls_inspector, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}}}',
        'applyTo: LISTENER, match: {context: SIDECAR_INBOUND}, patch: {operation: MERGE, value: {per_connection_buffer_limit_bytes: 4096}}',
        `applyTo: VIRTUAL_HOST, match: {context: SIDECAR_INBOUND, routeConfiguration: {portNumber: 8080, vhost: {name: "inbound|http|80"}}}, patch: {operation: MERGE, value: {${responds('x-added', 'a')}}}`,
        'applyTo: CLUSTER, match: {context: SIDECAR_INBOUND, cluster: {portNumber: 8080}}, patch: {operation: MERGE, value: {connect_timeout: 7s}}',
      ]
        .map((patch, index) => filter('shop', patch, '', `p${index}`))
        .join('');
    const proxy = proxyAt('10.0.0.1', 'shop', { FAIRLEAD: { capture: 'redirect' } });
    const heard = snapshotOf(proxy, acme(files));
    expect(heard.skipped).toEqual([]);
    const inbound = jsonOf(heard, 'listeners', 'virtualInbound');
    expect(inbound.per_connection_buffer_limit_bytes).toBe(4096);
    const chains = (inbound.filter_chains ?? []).map((chain) => [
      chain.name,
      chain.transport_socket_connect_timeout,
      /"name":"inbound"/.test(JSON.stringify(chain)),
      /x-added/.test(JSON.stringify(chain)),
    ]);
    expect(chains.slice(2)).toEqual([
      ['0.0.0.0_8080', '3s', true, true],
      ['0.0.0.0_9090', undefined, false, false],
    ]);
    const names = (name: string) => JSON.stringify(jsonOf(heard, 'listeners', name));
    expect(names('0.0.0.0_80')).toContain('"name":"outbound"');
    expect(names('0.0.0.0_81')).not.toContain('"name":"outbound"');
    expect(names('10.96.0.9_5432')).toContain('ConnectionLimit');
    expect(names('virtualOutbound')).toContain('TlsInspector');
    expect(jsonOf(heard, 'clusters', 'inbound|8080||').connect_timeout).toBe('7s');
    expect(jsonOf(heard, 'clusters', 'inbound|9090||').connect_timeout).not.toBe('7s');
    expect(await validate(staticBootstrap(heard))).toBe('OK');
  });
});

/** What a server says to whoever connects. */
async function said(port: number): Promise<string> {
  let text = '';
  for await (const chunk of connect(port, '127.0.0.1')) text += String(chunk);
  return text;
}

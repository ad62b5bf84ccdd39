import { describe, expect, test } from 'vitest';
import { named, problemsOf, read } from './scope.ts';

const document = (kind: string, spec: string, version = 'v1') =>
  `apiVersion: gateway.networking.k8s.io/${version}\nkind: ${kind}\nmetadata: { name: x }\nspec:\n${spec}\n`;

/** A Gateway with one listener, which begins at 7:5. */
const listener = (more: string, protocol = 'HTTP') =>
  document('Gateway', `  gatewayClassName: fairlead\n  listeners:\n  - ${list(protocol)}\n${more}`);
const list = (protocol: string) => `name: a\n    port: 80\n    protocol: ${protocol}`;
const tls = (text: string) => listener(`    tls: { ${text} }`, 'HTTPS');
const allowed = (text: string) => listener(`    allowedRoutes: { ${text} }`);

test.each(['v1', 'v1beta1'])('%s of each kind', (version) => {
  const files = {
    'a.yaml': [
      document('GatewayClass', '  controllerName: fairlead.dev/gateway-controller', version),
      document(
        'Gateway',
        '  gatewayClassName: x\n  listeners: [{ name: a, port: 80, protocol: HTTP }]',
        version,
      ),
      document('GRPCRoute', '  parentRefs: [{ name: x }]', version),
      document(
        'ReferenceGrant',
        '  from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: a }]\n  to: [{ group: "", kind: Service }]',
        version,
      ),
    ].join('---\n'),
  };
  const { resources, problems } = read(files);
  expect(problems).toEqual([]);
  expect(named(resources)).toEqual([
    'GatewayClass default/x',
    'Gateway.gateway.networking.k8s.io default/x',
    'GRPCRoute default/x',
    'ReferenceGrant default/x',
  ]);
});

test('a Gateway of Istio and one of the Gateway API may have one name', () => {
  const istio =
    'apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: { name: x }\nspec: { servers: [{ port: { number: 80, name: a, protocol: HTTP }, hosts: [a] }] }\n';
  expect(problemsOf(`${istio}---\n${listener('')}`)).toEqual([]);
});

test('a GatewayClass stands in no namespace: any scope may have one', () => {
  const text = document('GatewayClass', '  controllerName: example.com/controller');
  expect(read({ 'a.yaml': text }, { owns: { namespaces: ['shop'], hosts: [] } }).problems).toEqual([]);
});

test('a GatewayClass of ours has no parameters', () => {
  const parameters = '\n  parametersRef: { group: a.example, kind: A, name: a }';
  const of = (controller: string) => document('GatewayClass', `  controllerName: ${controller}${parameters}`);
  expect(problemsOf(of('fairlead.dev/gateway-controller'))).toEqual(['FL2285 6:3']);
  expect(problemsOf(of('example.com/controller'))).toEqual([]);
});

describe('Gateway', () => {
  test.each([
    ['HTTP', listener('    hostname: www.acme.example'), []],
    ['a wildcard', listener('    hostname: "*.acme.example"'), []],
    ['HTTPS', tls('certificateRefs: [{ name: www }]'), []],
    [
      'HTTPS that is ended',
      tls('mode: Terminate, certificateRefs: [{ kind: Secret, group: "", name: a }]'),
      [],
    ],
    ['routes of all namespaces', allowed('namespaces: { from: All }'), []],
    [
      'routes of some namespaces',
      allowed('namespaces: { from: Selector, selector: { matchLabels: { a: b } } }'),
      [],
    ],
    ['kinds of routes', allowed('kinds: [{ kind: HTTPRoute }, { kind: GRPCRoute }]'), []],
    ['every host', listener('    hostname: "*"'), ['FL2213 10:15']],
    ['TLS', listener('', 'TLS'), []],
    ['TCP', listener('', 'TCP'), []],
    ['a protocol of somebody else', listener('', 'example.com/quic'), []],
    ['a misspelt protocol', listener('', 'HTTP3'), ['FL2108 9:15']],
    ['HTTPS without a certificate', listener('', 'HTTPS'), ['FL2106 7:5']],
    ['HTTPS passed through', tls('mode: Passthrough'), []],
    ['tls in plain text', listener('    tls: { certificateRefs: [{ name: a }] }'), ['FL2221 10:5']],
    ['a certificate that is no secret', tls('certificateRefs: [{ kind: ConfigMap, name: a }]'), []],
    ['a secret of another namespace', tls('certificateRefs: [{ name: a, namespace: b }]'), []],
    ['options', tls('certificateRefs: [{ name: a }], options: { a: b }'), ['FL2280 10:44']],
    ['options in place of a certificate', tls('options: { a: b }'), ['FL2280 10:12']],
    ['routes that nobody honours', allowed('kinds: [{ kind: TCPRoute }]'), []],
    ['a selector that is not there', allowed('namespaces: { from: Selector }'), ['FL2106 10:22']],
    [
      'a selector that is not asked',
      allowed('namespaces: { selector: { matchLabels: { a: b } } }'),
      ['FL2221 10:36'],
    ],
    [
      'an expression without values',
      allowed('namespaces: { from: Selector, selector: { matchExpressions: [{ key: a, operator: In }] } }'),
      ['FL2106 10:83'],
    ],
    [
      'an expression with values',
      allowed(
        'namespaces: { from: Selector, selector: { matchExpressions: [{ key: a, operator: Exists, values: [b] }] } }',
      ),
      ['FL2221 10:111'],
    ],
    ['addresses', listener('  addresses: [{ value: 10.0.0.1 }]'), []],
    ['labels of its objects', listener('  infrastructure: { labels: { a: b } }'), ['FL2280 10:21']],
    ['annotations of its objects', listener('  infrastructure: { annotations: { a: b } }'), ['FL2280 10:21']],
    ['ListenerSets', listener('  allowedListeners: { namespaces: { from: All } }'), ['FL2285 10:3']],
    ['routes without a parent', listener('  defaultScope: All'), ['FL2285 10:3']],
    ['no routes without a parent', listener('  defaultScope: None'), []],
    [
      'a certificate for backends',
      listener('  tls: { backend: { clientCertificateRef: { name: a } } }'),
      ['FL2285 10:10'],
    ],
    ['no listeners', document('Gateway', '  gatewayClassName: a\n  listeners: []'), ['FL2109 6:3']],
    ['a misspelt field', listener('    hostName: a'), ['FL2105 10:5']],
    [
      'two listeners of one name',
      document(
        'Gateway',
        '  gatewayClassName: a\n  listeners: [{ name: a, port: 80, protocol: HTTP }, { name: a, port: 81, protocol: HTTP }]',
      ),
      ['FL2204 6:62'],
    ],
  ] as const)('with %s', (_name, text, expected) => {
    expect(problemsOf(text)).toEqual(expected);
  });
});

describe('GRPCRoute', () => {
  const rule = (text: string) =>
    document('GRPCRoute', `  parentRefs: [{ name: gw }]\n  rules:\n  - { ${text} }`);
  test.each([
    ['a method', rule('matches: [{ method: { service: a.b.C, method: D } }]'), []],
    ['an expression', rule('matches: [{ method: { type: RegularExpression, service: "a.*" } }]'), []],
    ['headers', rule('matches: [{ headers: [{ name: a, value: b }] }]'), []],
    ['a backend', rule('backendRefs: [{ name: a, port: 80, weight: 2 }]'), []],
    [
      'a filter',
      rule(
        'filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: a, value: b }] } }]',
      ),
      [],
    ],
    [
      'a mirror',
      rule('filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: a, port: 80 } } }]'),
      [],
    ],
    ['a method of nothing', rule('matches: [{ method: {} }]'), ['FL2106 7:19']],
    ['a malformed service', rule('matches: [{ method: { service: a/b } }]'), ['FL2109 7:38']],
    ['a malformed method', rule('matches: [{ method: { method: a.b } }]'), ['FL2109 7:37']],
    [
      'a malformed expression',
      rule('matches: [{ method: { type: RegularExpression, method: "(" } }]'),
      ['FL2211 7:62'],
    ],
    ['a filter of HTTP', rule('filters: [{ type: URLRewrite }]'), ['FL2108 7:25']],
    ['a filter without its field', rule('filters: [{ type: RequestMirror }]'), ['FL2231 7:25']],
    ['a backend without a port', rule('backendRefs: [{ name: a }]'), ['FL2106 7:21']],
    ['a timeout', rule('timeouts: { request: 1s }'), ['FL2105 7:7']],
    [
      'a filter of somebody else',
      rule('filters: [{ type: ExtensionRef, extensionRef: { name: a } }]'),
      ['FL2233 7:25'],
    ],
    ['sessions', rule('sessionPersistence: { sessionName: a }'), ['FL2285 7:7']],
    [
      'default Gateways',
      document('GRPCRoute', '  parentRefs: [{ name: gw }]\n  useDefaultGateways: All'),
      ['FL2285 6:3'],
    ],
  ] as const)('with %s', (_name, text, expected) => {
    expect(problemsOf(text)).toEqual(expected);
  });
});

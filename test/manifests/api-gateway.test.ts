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
    ['TLS', listener('', 'TLS'), ['FL2104 9:15']],
    ['TCP', listener('', 'TCP'), ['FL2104 9:15']],
    ['another protocol', listener('', 'HTTP3'), ['FL2108 9:15']],
    ['HTTPS without a certificate', listener('', 'HTTPS'), ['FL2106 7:5']],
    ['HTTPS passed through', tls('mode: Passthrough'), ['FL2104 10:18']],
    ['tls in plain text', listener('    tls: { certificateRefs: [{ name: a }] }'), ['FL2221 10:5']],
    [
      'a certificate that is no secret',
      tls('certificateRefs: [{ kind: ConfigMap, name: a }]'),
      ['FL2104 10:38'],
    ],
    ['a secret of another namespace', tls('certificateRefs: [{ name: a, namespace: b }]'), ['FL2104 10:41']],
    ['options', tls('certificateRefs: [{ name: a }], options: { a: b }'), ['FL2104 10:44']],
    ['routes that nobody honours', allowed('kinds: [{ kind: TCPRoute }]'), ['FL2104 10:38']],
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
    ['addresses', listener('  addresses: [{ value: 10.0.0.1 }]'), ['FL2104 10:3']],
    ['infrastructure', listener('  infrastructure: { labels: { a: b } }'), ['FL2104 10:3']],
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
  ] as const)('with %s', (_name, text, expected) => {
    expect(problemsOf(text)).toEqual(expected);
  });
});

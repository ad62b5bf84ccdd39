import { describe, expect, test } from 'vitest';
import { named, problemsOf, read } from './scope.ts';

/** An HTTPRoute whose spec begins at line 5. */
const route = (spec: string, version = 'v1'): string =>
  `apiVersion: gateway.networking.k8s.io/${version}\nkind: HTTPRoute\nmetadata: { name: x }\nspec:\n${spec}\n`;

const parent = '  parentRefs: [{ group: "", kind: Service, name: a }]\n';

/** One rule, which begins at 7:5 and has a backend before anything else. */
const rule = (more: string): string =>
  route(`${parent}  rules:\n  - backendRefs: [{ name: a, port: 80 }]\n    ${more}`);

/** One rule without a backend. */
const bare = (text: string): string => route(`${parent}  rules:\n  - ${text}`);
const filter = (text: string): string => rule(`filters: [${text}]`);
const bareFilter = (text: string): string => bare(`filters: [${text}]`);

type Case = readonly [name: string, document: string, problems: readonly string[]];

test.each(['v1', 'v1beta1'])('%s', (version) => {
  const { resources } = read({
    'a.yaml': route(`${parent}  rules: [{ backendRefs: [{ name: a, port: 80 }] }]`, version),
  });
  expect(named(resources)).toEqual(['HTTPRoute default/x']);
});

describe('parents and hostnames', () => {
  const parents = (text: string): string => route(`  parentRefs: [${text}]\n  rules: [{}]`);
  test.each([
    [
      'ports',
      parents(
        '{ group: "", kind: Service, name: a, port: 80 }, { group: "", kind: Service, name: a, port: 81 }',
      ),
      [],
    ],
    ['default Gateways', route(`${parent}  useDefaultGateways: All\n  rules: [{}]`), ['FL2285 6:3']],
    ['another namespace', parents('{ group: "", kind: Service, name: a, namespace: b }'), []],
    ['a gateway', parents('{ name: gw }'), []],
    ['the group of Services as Linkerd calls it', parents('{ group: core, kind: Service, name: a }'), []],
    [
      'one twice, by both names of its group',
      parents('{ group: "", kind: Service, name: a }, { group: core, kind: Service, name: a }'),
      ['FL2212 5:55'],
    ],
    [
      'listeners of a gateway',
      parents('{ name: gw, sectionName: a }, { name: gw, sectionName: b, port: 80 }'),
      [],
    ],
    ['a gateway and a Service', parents('{ name: a }, { group: "", kind: Service, name: a }'), []],
    ['a gateway twice', parents('{ name: gw }, { name: gw, sectionName: a }'), ['FL2212 5:30']],
    [
      'a host twice',
      route('  parentRefs: [{ name: gw }]\n  hostnames: [a.example, a.example]'),
      ['FL2212 6:26'],
    ],
    ['a host of all', route('  parentRefs: [{ name: gw }]\n  hostnames: ["*"]'), ['FL2213 6:15']],
    [
      'a service of Istio',
      parents('{ group: networking.istio.io, kind: ServiceEntry, name: a }'),
      ['FL2104 5:16'],
    ],
    ['a section', parents('{ group: "", kind: Service, name: a, sectionName: http }'), ['FL2104 5:53']],
    ['none', route('  rules: [{}]'), ['FL2106 4:1']],
    [
      'one twice',
      parents('{ group: "", kind: Service, name: a }, { group: "", kind: Service, name: a, port: 80 }'),
      ['FL2212 5:55'],
    ],
    ['a port of 0', parents('{ group: "", kind: Service, name: a, port: 0 }'), ['FL2111 5:59']],
    ['hostnames: a warning', route(`${parent}  hostnames: [a.example]\n  rules: [{}]`), ['FL2230 6:3']],
    ['no rules', route(parent), []],
    ['a field misspelt', route(`${parent}  rule: []\n  rules: [{}]`), ['FL2105 6:3']],
  ] as readonly Case[])('%s', (_name, document, expected) => {
    expect(problemsOf(document)).toEqual(expected);
  });
});

describe('matches', () => {
  const match = (text: string): string => rule(`matches: [${text}]`);
  test.each([
    [
      'every match',
      match(
        "{ path: { type: Exact, value: /a }, headers: [{ name: X-A, value: b }, { type: RegularExpression, name: x-c, value: '.+' }], queryParams: [{ name: q, value: b }], method: GET }",
      ),
      [],
    ],
    ['an expression', match("{ path: { type: RegularExpression, value: '/a(b|c)' } }"), []],
    ['a path without a slash', match('{ path: { value: a } }'), ['FL2109 8:32']],
    ['a path with two', match('{ path: { value: /a//b } }'), ['FL2109 8:32']],
    ['a path that climbs', match('{ path: { type: Exact, value: /a/.. } }'), ['FL2109 8:45']],
    ['a query', match('{ path: { value: "/a?b" } }'), ['FL2109 8:32']],
    ['an unknown type', match('{ path: { type: Prefix, value: /a } }'), ['FL2108 8:31']],
    ['no expression', match("{ path: { type: RegularExpression, value: '(' } }"), ['FL2211 8:57']],
    [
      'no expression of a header',
      match("{ headers: [{ type: RegularExpression, name: a, value: '(' }] }"),
      ['FL2211 8:70'],
    ],
    ['a header twice', match('{ headers: [{ name: a, value: b }, { name: A, value: c }] }'), ['FL2212 8:58']],
    ['a header without a value', match('{ headers: [{ name: a }] }'), ['FL2106 8:27']],
    ['an unknown method', match('{ method: get }'), ['FL2108 8:25']],
  ] as readonly Case[])('%s', (_name, document, expected) => {
    expect(problemsOf(document)).toEqual(expected);
  });
});

describe('backends', () => {
  const backend = (text: string): string => bare(`backendRefs: [${text}]`);
  test.each([
    [
      'weights',
      backend('{ name: a, port: 80, weight: 0 }, { name: b, namespace: c, port: 80, weight: 1000000 }'),
      [],
    ],
    [
      'its own headers',
      backend(
        '{ name: a, port: 80, filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { remove: [b] } }] }',
      ),
      [],
    ],
    ['none', bare('name: r'), []],
    ['no port', backend('{ name: a }'), ['FL2106 7:19']],
    ['another kind', backend('{ kind: InferencePool, name: a }'), ['FL2104 7:27']],
    ['another group', backend('{ group: b, name: a, port: 80 }'), ['FL2104 7:28']],
    ['too much weight', backend('{ name: a, port: 80, weight: 1000001 }'), ['FL2109 7:48']],
    [
      'a mirror of its own',
      backend(
        '{ name: a, port: 80, filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: b, port: 80 } } }] }',
      ),
      ['FL2233 7:58'],
    ],
  ] as readonly Case[])('%s', (_name, document, expected) => {
    expect(problemsOf(document)).toEqual(expected);
  });
});

describe('filters', () => {
  const rewrite = (path: string): string => filter(`{ type: URLRewrite, urlRewrite: { path: ${path} } }`);
  const cors = (text: string): string => filter(`{ type: CORS, cors: ${text} }`);
  test.each([
    [
      'headers',
      filter(
        '{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: a, value: 50% }], add: [{ name: b, value: c }], remove: [d] } }',
      ),
      [],
    ],
    [
      'the host',
      filter('{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: Host, value: b }] } }'),
      ['FL2223 8:85'],
    ],
    [
      'a header twice',
      filter('{ type: ResponseHeaderModifier, responseHeaderModifier: { remove: [a, A] } }'),
      ['FL2212 8:85'],
    ],
    [
      'an empty value',
      filter('{ type: ResponseHeaderModifier, responseHeaderModifier: { set: [{ name: a, value: "" }] } }'),
      ['FL2109 8:97'],
    ],
    ['a type without its field', filter('{ type: CORS }'), ['FL2231 8:23']],
    [
      'a type with the field of another',
      filter('{ type: CORS, cors: {}, urlRewrite: { hostname: b } }'),
      ['FL2231 8:39'],
    ],
    ['one type twice', filter('{ type: CORS, cors: {} }, { type: CORS, cors: {} }'), ['FL2212 8:49']],
    [
      'an extension',
      filter('{ type: ExtensionRef, extensionRef: { group: a, kind: b, name: c } }'),
      ['FL2233 8:23'],
    ],
    [
      'a mirror',
      filter(
        '{ type: RequestMirror, requestMirror: { backendRef: { name: a, port: 80 }, fraction: { numerator: 1, denominator: 3 } } }',
      ),
      [],
    ],
    [
      'two shares',
      filter(
        '{ type: RequestMirror, requestMirror: { backendRef: { name: a, port: 80 }, percent: 1, fraction: { numerator: 1 } } }',
      ),
      ['FL2220 8:102'],
    ],
    [
      'more than all',
      filter(
        '{ type: RequestMirror, requestMirror: { backendRef: { name: a, port: 80 }, fraction: { numerator: 101 } } }',
      ),
      ['FL2109 8:113'],
    ],
    [
      '101 percent',
      filter('{ type: RequestMirror, requestMirror: { backendRef: { name: a, port: 80 }, percent: 101 } }'),
      ['FL2109 8:99'],
    ],
    [
      'a mirror without a port',
      filter('{ type: RequestMirror, requestMirror: { backendRef: { name: a } } }'),
      ['FL2106 8:55'],
    ],
    ['a full path', rewrite('{ type: ReplaceFullPath, replaceFullPath: /b }'), []],
    ['a prefix', rewrite('{ type: ReplacePrefixMatch, replacePrefixMatch: "" }'), []],
    [
      'the other path',
      rewrite('{ type: ReplaceFullPath, replacePrefixMatch: /b }'),
      ['FL2231 8:63', 'FL2231 8:80'],
    ],
    ['a path without a slash', rewrite('{ type: ReplaceFullPath, replaceFullPath: b }'), ['FL2109 8:97']],
    [
      'a prefix where the match has none',
      filter(
        '{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /b } } }',
      ).replace('filters:', 'matches: [{ path: { type: Exact, value: /a } }]\n    filters:'),
      ['FL2232 9:63'],
    ],
    [
      'CORS',
      cors(
        "{ allowOrigins: ['*', 'https://*.a.example', 'http://b.example:81'], allowMethods: ['*'], allowHeaders: [x-a], exposeHeaders: [x-b], maxAge: 60 }",
      ),
      [],
    ],
    [
      'credentials with names',
      cors('{ allowOrigins: [https://a.example], allowCredentials: true, allowMethods: [GET] }'),
      [],
    ],
    ['credentials with *', cors("{ allowCredentials: true, allowMethods: ['*'] }"), ['FL2104 8:61']],
    ['an origin that is none', cors('{ allowOrigins: [a.example] }'), ['FL2109 8:52']],
    ['an age of 0', cors('{ maxAge: 0 }'), ['FL2109 8:45']],
  ] as readonly Case[])('%s', (_name, document, expected) => {
    expect(problemsOf(document)).toEqual(expected);
  });

  const redirect =
    '{ type: RequestRedirect, requestRedirect: { scheme: https, hostname: b.example, port: 8443, statusCode: 301, path: { type: ReplacePrefixMatch, replacePrefixMatch: /b } } }';
  test.each([
    ['a redirect', bareFilter(redirect), []],
    [
      'an unknown status',
      bareFilter('{ type: RequestRedirect, requestRedirect: { statusCode: 305 } }'),
      ['FL2108 7:71'],
    ],
    ['a redirect and a backend', filter(redirect), ['FL2220 7:5']],
    [
      'a redirect and a rewrite',
      bareFilter(
        '{ type: RequestRedirect, requestRedirect: {} }, { type: URLRewrite, urlRewrite: { hostname: b } }',
      ),
      ['FL2220 7:71'],
    ],
    [
      'a redirect and request headers',
      bareFilter(
        '{ type: RequestRedirect, requestRedirect: {} }, { type: RequestHeaderModifier, requestHeaderModifier: {} }',
      ),
      ['FL2221 7:71'],
    ],
    [
      'a redirect and a time limit',
      bare('filters: [{ type: RequestRedirect, requestRedirect: {} }]\n    timeouts: { request: 1s }'),
      ['FL2221 8:5'],
    ],
  ] as readonly Case[])('%s', (_name, document, expected) => {
    expect(problemsOf(document)).toEqual(expected);
  });
});

describe('times and tries', () => {
  test.each([
    [
      'both',
      rule(
        'timeouts: { request: 1m30s, backendRequest: 500ms }\n    retry: { codes: [503], attempts: 2, backoff: 10ms }',
      ),
      [],
    ],
    ['no limit', rule('timeouts: { request: 0s, backendRequest: 5s }'), []],
    ['a fraction of a second', rule('timeouts: { request: 1.5s }'), ['FL2110 8:26']],
    ['a try longer than the request', rule('timeouts: { request: 1s, backendRequest: 2s }'), ['FL2109 8:46']],
    ['a status of 600', rule('retry: { codes: [600] }'), ['FL2109 8:22']],
    ['no backoff', rule('retry: { backoff: 0s }'), ['FL2110 8:23']],
    [
      'no weight at all',
      bare('backendRefs: [{ name: a, port: 80, weight: 0 }, { name: b, port: 80, weight: 0 }]'),
      ['FL2210 7:5'],
    ],
    ['one weight', bare('backendRefs: [{ name: a, port: 80, weight: 0 }, { name: b, port: 80 }]'), []],
    ['sessions', rule('sessionPersistence: {}'), ['FL2285 8:5']],
  ] as readonly Case[])('%s', (_name, document, expected) => {
    expect(problemsOf(document)).toEqual(expected);
  });
});

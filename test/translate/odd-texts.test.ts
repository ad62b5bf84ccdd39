import { expect, test } from 'vitest';
import { httpRoute, parent, routes, service, workload } from '../mesh/manifests.ts';
import { validate } from './envoy.ts';
import { staticBootstrap } from './static.ts';
import { jsonOf, proxyAt, snapshotOf } from './world.ts';

/**
 * Texts at the edge of what manifests may say. Envoy refuses a table of routes as a whole: what it does not take has to
 * be a problem of its document.
 */
const route = 'route: [{destination: {host: cart}}]';
const steps = [
  `{match: [{uri: {prefix: "no slash"}}], ${route}}`,
  `{match: [{uri: {exact: "/a?b#c d%zz"}}], ${route}}`,
  `{match: [{uri: {regex: ".*"}, ignoreUriCase: true}], ${route}, rewrite: {uri: "/%2e\\\\x?y"}}`,
  `{match: [{uri: {regex: "[^/]{0,495}(?i)x"}}], ${route}}`,
  String.raw`{match: [{uri: {regex: '/\pL\p{^Lu}[^\p{Latin}\x{FF}]\Q\p{Greek}\x{100}\E\\p{Cn}'}}], ${route}}`,
  `{match: [{headers: {":path": {exact: ""}, "x!#$%&'*+.^_\`|~-": {}, host: {prefix: "ü"}}}], ${route}}`,
  `{match: [{withoutHeaders: {cookie: {exact: ""}}, queryParams: {"a b=c": {exact: ""}, "ü": {}}}], ${route}}`,
  `{match: [{method: {regex: "A|"}, scheme: {prefix: h}, authority: {exact: "%"}}], ${route}}`,
  `{match: [{uri: {exact: /1}}], ${route}, rewrite: {authority: "a b%REQ(x)% ü"}}`,
  `{match: [{uri: {exact: /2}}], ${route}, rewrite: {uriRegexRewrite: {match: "^$|(a)(b)", rewrite: "\\\\\\\\ \\\\0\\\\2 %"}}}`,
  `{match: [{uri: {exact: /3}}], ${route}, rewrite: {uriRegexRewrite: {match: "a", rewrite: ""}}}`,
  `{match: [{uri: {exact: /4}}], redirect: {uri: "/%REQ(x)%?a#b", authority: "a b:c%"}}`,
  `{match: [{uri: {exact: /5}}], redirect: {port: 65535, scheme: https}}`,
  `{match: [{uri: {exact: /6}}], directResponse: {status: 200, body: {string: "%REQ(x)% ü\\u0001"}}}`,
  `{match: [{uri: {exact: /7}}], directResponse: {status: 599, body: {bytes: ""}}}`,
  `{match: [{uri: {exact: /8}}], directResponse: {status: 204, body: {string: ""}}}`,
  `{match: [{uri: {exact: /9}}], ${route}, headers: {request: {set: {":AUTHORITY": "%% b"}, add: {"Content-Length": "x", A: "%%%% ü"}, remove: [Host2]}, response: {set: {B: ""}}}}`,
  `{match: [{uri: {exact: /a}}], ${route}, timeout: 2562047h, retries: {attempts: 1000, perTryTimeout: 2562047h, backoff: 2562047h, retryOn: "retriable-headers,envoy-ratelimited,100"}}`,
  `{match: [{uri: {exact: /b}}], ${route}, retries: {attempts: 1, retryOn: ",", backoff: 1ms, perTryTimeout: 0s}}`,
  `{match: [{uri: {exact: /c}}], ${route}, fault: {delay: {fixedDelay: 2562047h, percentage: {value: 0.00001}}, abort: {grpcStatus: OK, percentage: {value: 0}}}}`,
  `{match: [{uri: {exact: /d}}], ${route}, corsPolicy: {allowOrigins: [{exact: ""}, {prefix: "*"}, {regex: "|"}], allowMethods: ["*", "x!"], maxAge: 0s}}`,
  `{match: [{uri: {exact: /e}}], ${route}, corsPolicy: {allowOrigin: ["ü*"], unmatchedPreflights: UNSPECIFIED, maxAge: 2562047h}}`,
  `{match: [{uri: {exact: /f}}], ${route}, mirrors: [{destination: {host: cart}, percentage: {value: 0.000049}}]}`,
  `{match: [{uri: {exact: /g}}], route: [{destination: {host: cart}, weight: 2147483647}, {destination: {host: nobody.example}, weight: 2147483647, headers: {request: {set: {host: "a b"}}}}]}`,
];

/** As many headers as a list may have; Envoy takes 1000 for a route. */
const many = (start: string): string => Array.from({ length: 250 }, (_, at) => `${start}${at}: x`).join(', ');
const lists = (start: string): string =>
  `headers: {request: {set: {${many(`${start}s`)}}, add: {${many(`${start}a`)}}}}`;

const longest = [
  `{route: [{destination: {host: cart}, ${lists('b')}}], ${lists('a')}}`,
  `{${route}, headers: {request: {set: {a: "${'ü'.repeat(8192)}", b: "${'%%'.repeat(8192)}"}}}}`,
];

const cart = 'backendRefs: [{name: cart, port: 80}]';
const rules = [
  `{matches: [{path: {value: "/a%2Fü*[$"}}], ${cart}, filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: ""}}}]}`,
  `{matches: [{path: {value: "/"}}], ${cart}}`,
  `{matches: [{path: {type: RegularExpression, value: "|"}}], ${cart}, filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: ""}}}]}`,
  `{matches: [{path: {value: /b}}], filters: [{type: RequestRedirect, requestRedirect: {path: {type: ReplacePrefixMatch, replacePrefixMatch: "/%ü\\\\1"}, port: 80}}]}`,
  `{matches: [{path: {value: /c}, headers: [{name: "X!", value: "ü"}], queryParams: [{name: "q~", type: RegularExpression, value: "|"}], method: CONNECT}], ${cart}}`,
  `{matches: [{path: {value: /d}}], ${cart}, filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: A, value: "%REQ(x)% %%ü"}], remove: [transfer-encoding]}}]}`,
  `{matches: [{path: {value: /e}}], ${cart}, filters: [{type: CORS, cors: {allowOrigins: ["a+b://*.x_y:99999", "https://*"], maxAge: 2147483647}}]}`,
  `{matches: [{path: {value: /f}}], ${cart}, filters: [{type: RequestMirror, requestMirror: {backendRef: {name: cart, port: 80}, fraction: {numerator: 1, denominator: 2147483647}}}]}`,
  `{matches: [{path: {value: /g}}], ${cart}, timeouts: {request: 99999h99999h99999h99999h, backendRequest: 1ms}, retry: {attempts: 1000, codes: [599], backoff: 99999h}}`,
];

const shop = service('cart', 'shop') + service('other', 'shop');
const cases = [
  ...[...steps, ...longest].map(
    (step) => [step.slice(0, 200), shop + routes('r', 'shop', 'cart', `[${step}]`)] as const,
  ),
  ...rules.map((rule) => [rule, shop + httpRoute('r', 'shop', parent('other'), `[${rule}]`)] as const),
];

test.each(cases)('Envoy takes %s', async (_text, files) => {
  const snapshot = snapshotOf(proxyAt('127.0.0.1', 'shop'), { path: 'acme', files });
  expect(await validate(staticBootstrap(snapshot))).toBe('OK');
});

test('Envoy takes the largest weights, in their proportions', async () => {
  const weights = [2147483647, 2147483647, 2147483647, 1];
  const all = weights.map((weight, at) =>
    workload(`w${at}`, 'shop', `10.0.0.${at}`, 'app: cart', `, weight: ${weight}`),
  );
  const snapshot = snapshotOf(proxyAt('127.0.0.1', 'shop'), {
    path: 'acme',
    files: service('cart', 'shop') + all.join(''),
  });
  expect(await validate(staticBootstrap(snapshot))).toBe('OK');
  const [group] = jsonOf(snapshot, 'endpoints', 'outbound|80||cart.shop.svc.cluster.local').endpoints ?? [];
  const third = expect.closeTo(4294967295 / 3, -2);
  expect(group?.lb_endpoints?.map(({ load_balancing_weight: weight }) => weight)).toEqual([
    third,
    third,
    third,
    1,
  ]);
});

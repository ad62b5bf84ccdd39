import { describe, expect, test } from 'vitest';
import { manifest, problemsOf, read } from './scope.ts';

/** A VirtualService of one step, which begins at 7:5. */
const step = (text: string): string => manifest('VirtualService', `  hosts: [a]\n  http:\n  - ${text}`);

/** A step to `a`, with more of it at 8:5. */
const forward = (more: string): string => step(`route: [{ destination: { host: a } }]\n    ${more}`);

const lines = (...all: readonly string[]): string => all.join('\n    ');

type Case = readonly [name: string, document: string, problems: readonly string[]];

describe('what is done with a request', () => {
  test.each([
    ['nothing', step('name: r'), ['FL2106 7:5']],
    ['a route and a redirect', forward('redirect: { uri: /b }'), ['FL2220 8:5']],
    ['a route and a response', forward('directResponse: { status: 200 }'), ['FL2220 8:5']],
    [
      'a redirect and a response',
      step('redirect: { uri: /b }\n    directResponse: { status: 200 }'),
      ['FL2220 8:5'],
    ],
    ...['rewrite: { uri: /b }', 'timeout: 1s', 'retries: { attempts: 1 }', 'mirror: { host: b }'].flatMap(
      (field): readonly Case[] => [
        [`a redirect and ${field}`, step(`redirect: { uri: /b }\n    ${field}`), ['FL2221 8:5']],
        [`a response and ${field}`, step(`directResponse: { status: 200 }\n    ${field}`), ['FL2221 8:5']],
      ],
    ),
    [
      'a response and a fault',
      step(
        'directResponse: { status: 200 }\n    fault: { abort: { httpStatus: 500, percentage: { value: 1 } } }',
      ),
      ['FL2221 8:5'],
    ],
    [
      'a redirect and request headers',
      step('redirect: { uri: /b }\n    headers: { request: { remove: [a] }, response: { remove: [a] } }'),
      ['FL2221 8:16'],
    ],
  ] as readonly Case[])('%s', (_name, document, expected) => {
    expect(problemsOf(document)).toEqual(expected);
  });
});

describe('redirect', () => {
  const redirect = (text: string): string => step(`redirect: ${text}`);
  test.each([
    [
      'everything',
      redirect('{ uri: /b, authority: b.example, port: 81, scheme: https, redirectCode: 308 }'),
      [],
    ],
    ['a prefix', redirect('{ prefixRewrite: /b }'), []],
    ['a prefix and a path', redirect('{ uri: /b, prefixRewrite: /b }'), ['FL2220 7:26']],
    ['a prefix without its slash', redirect('{ prefixRewrite: b }'), ['FL2109 7:32']],
    [
      'a prefix where none is matched',
      step('redirect: { prefixRewrite: /b }\n    match: [{ uri: { prefix: /a } }, { uri: { exact: /c } }]'),
      ['FL2221 7:17'],
    ],
    ['a derived port', redirect('{ derivePort: FROM_REQUEST_PORT, scheme: http }'), []],
    ['nothing', redirect('{}'), ['FL2109 7:5']],
    ['a code alone', redirect('{ redirectCode: 302 }'), ['FL2222 7:5']],
    ['an unknown code', redirect('{ uri: /, redirectCode: 300 }'), ['FL2108 7:39']],
    ['an unknown scheme', redirect('{ scheme: ftp }'), ['FL2108 7:25']],
    ['a port of 0', redirect('{ port: 0 }'), ['FL2111 7:23']],
    ['two ports', redirect('{ port: 1, derivePort: FROM_REQUEST_PORT }'), ['FL2220 7:26']],
    ['a path with a space', redirect('{ uri: "/a b" }'), ['FL2109 7:22']],
  ] as readonly Case[])('%s', (_name, document, expected) => {
    expect(problemsOf(document)).toEqual(expected);
  });
});

describe('directResponse', () => {
  const respond = (text: string): string => step(`directResponse: ${text}`);
  test.each([
    ['a text', respond('{ status: 503, body: { string: "no\\n" } }'), []],
    ['bytes', respond('{ status: 200, body: { bytes: aGVsbG8= } }'), []],
    ['no status', respond('{ body: { string: a } }'), ['FL2106 7:5']],
    ['a status of 199', respond('{ status: 199 }'), ['FL2109 7:31']],
    ['a status of 600', respond('{ status: 600 }'), ['FL2109 7:31']],
    ['bytes that are not base64', respond('{ status: 200, body: { bytes: "?" } }'), ['FL2109 7:51']],
    ['two bodies', respond('{ status: 200, body: { string: a, bytes: aGVsbG8= } }'), ['FL2109 7:36']],
  ] as readonly Case[])('%s', (_name, document, expected) => {
    expect(problemsOf(document)).toEqual(expected);
  });
});

describe('rewrite', () => {
  const rewrite = (text: string): string => forward(`rewrite: ${text}`);
  test.each([
    ['path and host', rewrite('{ uri: /b, authority: b.example }'), []],
    [
      'by expression',
      rewrite(String.raw`{ uriRegexRewrite: { match: '/(\d+)/(.*)', rewrite: '/\2/\1' } }`),
      [],
    ],
    ['nothing', rewrite('{}'), ['FL2109 8:5']],
    ['an empty path', rewrite("{ uri: '' }"), ['FL2109 8:21']],
    ['a path without a slash', rewrite('{ uri: b }'), ['FL2109 8:21']],
    ['two ways', rewrite('{ uri: /b, uriRegexRewrite: { match: a, rewrite: b } }'), ['FL2220 8:25']],
    [
      'an expression that is none',
      rewrite("{ uriRegexRewrite: { match: '(', rewrite: b } }"),
      ['FL2211 8:42'],
    ],
    [
      'a group that is none',
      rewrite(String.raw`{ uriRegexRewrite: { match: '(a)', rewrite: '\2' } }`),
      ['FL2109 8:58'],
    ],
    [
      'a host twice',
      forward(lines('rewrite: { authority: b }', 'headers: { request: { set: { host: c } } }')),
      ['FL2212 9:34'],
    ],
  ] as readonly Case[])('%s', (_name, document, expected) => {
    expect(problemsOf(document)).toEqual(expected);
  });
});

describe('headers', () => {
  const request = (text: string): string => forward(`headers: { request: ${text} }`);
  const response = (text: string): string => forward(`headers: { response: ${text} }`);
  const many = (count: number): string => Array.from({ length: count }, (_, at) => `h${at}: x`).join(', ');
  test.each([
    ['set, add and remove', request('{ set: { X-A: b }, add: { x-c: "" }, remove: [Cookie] }'), []],
    ['the host', request('{ set: { ":authority": b } }'), []],
    ['a percent sign', request('{ set: { x-a: 50%% } }'), []],
    ['an operator', request('{ set: { x-a: "%REQ(b)%" } }'), ['FL2104 8:39']],
    ['the host beside what is there', request('{ add: { host: b } }'), ['FL2223 8:34']],
    ['the path', request('{ set: { ":path": /b } }'), ['FL2223 8:34']],
    ['without the host', request('{ remove: [Host] }'), ['FL2223 8:36']],
    ['the status', response('{ set: { ":status": "200" } }'), ['FL2223 8:35']],
    ['a host of the response', response('{ set: { host: b } }'), ['FL2223 8:35']],
    ['a name with a space', request('{ set: { "x a": b } }'), ['FL2109 8:34']],
    ['a value with a line break', request('{ set: { x-a: "b\\nc" } }'), ['FL2109 8:39']],
    ['one header in two cases', request('{ set: { x-a: b, X-A: c } }'), ['FL2212 8:42']],
    ['an empty host', request("{ set: { host: '' } }"), ['FL2109 8:40']],
    [
      "a destination's",
      step('route: [{ destination: { host: a }, headers: { request: { set: { ":path": b } } } }]'),
      ['FL2223 7:70'],
    ],
    [
      "a destination's host beside the rule's",
      step(
        'route: [{ destination: { host: a }, headers: { request: { set: { host: b } } } }]\n    rewrite: { authority: c }',
      ),
      ['FL2212 7:70'],
    ],
    [
      'a value of more bytes than Envoy takes',
      request(`{ set: { a: ${'ü'.repeat(8193)} } }`),
      ['FL2109 8:37'],
    ],
    ['more headers than Envoy takes', request(`{ add: { ${many(251)} } }`), ['FL2109 8:27']],
    ['as many as it takes', request(`{ add: { ${many(250)} } }`), []],
  ] as readonly Case[])('%s', (_name, document, expected) => {
    expect(problemsOf(document)).toEqual(expected);
  });
});

describe('retries', () => {
  const retries = (text: string): string => forward(`retries: ${text}`);
  test.each([
    [
      'everything',
      retries(
        '{ attempts: 3, perTryTimeout: 1s, retryOn: "5xx, 503", retryRemoteLocalities: true, retryIgnorePreviousHosts: false, backoff: 10ms }',
      ),
      [],
    ],
    ['none', retries('{ attempts: 0 }'), []],
    ['no attempts said', retries('{ perTryTimeout: 1s }'), ['FL2106 8:5']],
    ['none, with a condition', retries('{ attempts: 0, retryOn: 5xx }'), ['FL2221 8:29']],
    ['an unknown condition', retries('{ attempts: 1, retryOn: "5xx,timeout" }'), ['FL2108 8:38']],
    ['a status of 600', retries('{ attempts: 1, retryOn: "600" }'), ['FL2108 8:38']],
    ['no backoff', retries('{ attempts: 1, backoff: 0s }'), ['FL2110 8:38']],
    ['a try of less than 1ms', retries('{ attempts: 1, perTryTimeout: 1us }'), ['FL2110 8:44']],
  ] as readonly Case[])('%s', (_name, document, expected) => {
    expect(problemsOf(document)).toEqual(expected);
  });
});

describe('mirrors', () => {
  test.each([
    ['a share', forward('mirror: { host: b, subset: v1 }\n    mirrorPercentage: { value: 0.5 }'), []],
    ['a share, as it was written once', forward('mirror: { host: b }\n    mirror_percent: 5'), []],
    ['several', forward('mirrors: [{ destination: { host: b }, percentage: { value: 1 } }]'), []],
    ['both', forward('mirror: { host: b }\n    mirrors: [{ destination: { host: b } }]'), ['FL2212 9:5']],
    [
      'two shares',
      forward('mirror: { host: b }\n    mirrorPercentage: { value: 1 }\n    mirrorPercent: 1'),
      ['FL2212 10:5'],
    ],
    ['a share of nothing', forward('mirrorPercentage: { value: 1 }'), ['FL2221 8:5']],
    ['above 100', forward('mirror: { host: b }\n    mirrorPercentage: { value: 101 }'), ['FL2109 9:32']],
    ['below 0', forward('mirror: { host: b }\n    mirrorPercent: -1'), ['FL2109 9:20']],
  ] as readonly Case[])('%s', (_name, document, expected) => {
    expect(problemsOf(document)).toEqual(expected);
  });
});

describe('fault', () => {
  const fault = (text: string): string => forward(`fault: ${text}`);
  test.each([
    [
      'both',
      fault(
        '{ delay: { fixedDelay: 5s, percentage: { value: 0.1 } }, abort: { httpStatus: 500, percentage: { value: 100 } } }',
      ),
      [],
    ],
    ['gRPC', fault('{ abort: { grpcStatus: UNAVAILABLE, percentage: { value: 1 } } }'), []],
    ['the older percent', fault('{ delay: { fixedDelay: 5s, percent: 10 } }'), []],
    ['nothing', fault('{}'), ['FL2109 8:5']],
    ['no share: a warning', fault('{ delay: { fixedDelay: 5s } }'), ['FL2224 8:14']],
    ['no delay', fault('{ delay: { percentage: { value: 1 } } }'), ['FL2106 8:14']],
    ['a delay of 0s', fault('{ delay: { fixedDelay: 0s, percent: 1 } }'), ['FL2110 8:35']],
    [
      'an exponential one',
      fault('{ delay: { fixedDelay: 1s, percent: 1, exponentialDelay: 1s } }'),
      ['FL2104 8:51'],
    ],
    [
      'an error of HTTP/2',
      fault('{ abort: { http2Error: NO_ERROR, httpStatus: 500, percentage: { value: 1 } } }'),
      ['FL2104 8:23'],
    ],
    ['no status', fault('{ abort: { percentage: { value: 1 } } }'), ['FL2106 8:14']],
    ['a status of 600', fault('{ abort: { httpStatus: 600, percentage: { value: 1 } } }'), ['FL2109 8:35']],
    [
      'two statuses',
      fault('{ abort: { httpStatus: 500, grpcStatus: OK, percentage: { value: 1 } } }'),
      ['FL2220 8:40'],
    ],
    [
      'a gRPC status by number',
      fault('{ abort: { grpcStatus: "14", percentage: { value: 1 } } }'),
      ['FL2108 8:35'],
    ],
  ] as readonly Case[])('%s', (_name, document, expected) => {
    expect(problemsOf(document)).toEqual(expected);
  });

  test('the warning keeps the resource', () => {
    const { resources, problems } = read({ 'a.yaml': fault('{ abort: { httpStatus: 500 } }') });
    expect([resources.length, problems.map(({ severity }) => severity)]).toEqual([1, ['warning']]);
  });
});

describe('corsPolicy', () => {
  const cors = (text: string): string => forward(`corsPolicy: ${text}`);
  test.each([
    [
      'everything',
      cors(
        "{ allowOrigins: [{ exact: 'https://a.example' }, { regex: 'https://.*' }], allowMethods: [GET, '*'], allowHeaders: [x-a], exposeHeaders: [x-b], maxAge: 24h, allowCredentials: true, unmatchedPreflights: IGNORE }",
      ),
      [],
    ],
    ['the older origins', cors("{ allowOrigin: ['*'] }"), []],
    ['both', cors("{ allowOrigin: ['*'], allowOrigins: [{ exact: a }] }"), ['FL2212 8:19']],
    ['an origin in two ways', cors('{ allowOrigins: [{ exact: a, prefix: b }] }'), ['FL2109 8:34']],
    ['an expression that is none', cors("{ allowOrigins: [{ regex: '(?!a)' }] }"), ['FL2211 8:43']],
    ['an empty prefix of origins', cors("{ allowOrigins: [{ prefix: '' }] }"), ['FL2109 8:44']],
    ['a method that is none', cors("{ allowMethods: ['GET,PUT'] }"), ['FL2109 8:34']],
    ['an age without a unit', cors('{ maxAge: "5" }'), ['FL2110 8:27']],
    ['what becomes of other preflights', cors('{ unmatchedPreflights: DROP }'), ['FL2108 8:40']],
  ] as readonly Case[])('%s', (_name, document, expected) => {
    expect(problemsOf(document)).toEqual(expected);
  });
});

test.each([
  '(',
  '[a-z]{0,500}',
  '(x{50}){20}y',
  '[z-a]',
  'a**',
  '*',
  'x{2,1}',
  'x{1001}',
  String.raw`\8`,
  String.raw`\p{Nope}`,
  String.raw`\p{Cn}`,
  String.raw`[^\p{^LC}]`,
  String.raw`\pM`,
  String.raw`\x{100}`,
])('%s is no expression of RE2', (regex) => {
  expect(problemsOf(forward(`match: [{ uri: { regex: '${regex}' } }]`))).toEqual(['FL2211 8:29']);
});

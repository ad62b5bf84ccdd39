import { describe, expect, test } from 'vitest';
import { manifest, problemsOf } from './scope.ts';

/** A Gateway with one server; `more` is added to it. */
const one = (more = '', port = '{ number: 80, name: http, protocol: HTTP }', hosts = '[www.acme.example]') =>
  `  selector: { app: edge }\n  servers:\n  - port: ${port}\n    hosts: ${hosts}${more === '' ? '' : `\n    ${more}`}`;

const port = (more: string) => `{ number: 80, name: http, ${more} }`;

describe('Gateway', () => {
  test.each([
    ['a server', one(), []],
    ['without a selector', one().replace('  selector: { app: edge }\n', ''), []],
    ['HTTP/2', one('', port('protocol: HTTP2')), []],
    ['gRPC', one('', port('protocol: GRPC')), []],
    [
      'hosts of namespaces',
      one('', undefined, '["*", "*.acme.example", "shop/a.example", "./b.example", "*/c"]'),
      [],
    ],
    ['a redirect to https', one('tls: { httpsRedirect: true }'), []],
    ['an address', one('bind: 2001:db8::1\n    name: outside'), []],
    ['no servers', '  servers: []', ['FL2109 5:3']],
    ['no hosts', one('', undefined, '[]'), ['FL2109 8:5']],
    ['no port name', one('', '{ number: 80, protocol: HTTP }'), ['FL2106 7:5']],
    ['a port of 0', one('', '{ number: 0, name: http, protocol: HTTP }'), ['FL2111 7:21']],
    ['HTTPS', one('', port('protocol: HTTPS')), ['FL2104 7:47']],
    ['TLS', one('', port('protocol: TLS')), ['FL2104 7:47']],
    ['TCP', one('', port('protocol: TCP')), ['FL2104 7:47']],
    ['MONGO', one('', port('protocol: MONGO')), ['FL2104 7:47']],
    ['an unknown protocol', one('', port('protocol: HTTP3')), ['FL2108 7:47']],
    ['a target port', one('', port('protocol: HTTP, targetPort: 8080')), ['FL2104 7:53']],
    ['a certificate', one('tls: { mode: SIMPLE, credentialName: x }'), ['FL2104 9:12', 'FL2104 9:26']],
    ['a default endpoint', one('defaultEndpoint: 127.0.0.1:80'), ['FL2104 9:5']],
    ['a malformed host', one('', undefined, '[a/b/c]'), ['FL2109 8:13']],
    ['a wildcard in the middle', one('', undefined, '["www.*.example"]'), ['FL2109 8:13']],
    ['a host twice', one('', undefined, '[a, b, a]'), ['FL2212 8:19']],
    ['a name as the address', one('bind: localhost'), ['FL2208 9:11']],
    ['a misspelt field', one('host: a'), ['FL2105 9:5']],
    [
      'two ports of one name',
      `${one()}\n  - port: { number: 81, name: http, protocol: HTTP }\n    hosts: [a]`,
      ['FL2204 9:31'],
    ],
  ] as const)('%s', (_name, spec, expected) => {
    expect(problemsOf(manifest('Gateway', spec))).toEqual(expected);
  });

  test('mesh is no name of one', () => {
    expect(problemsOf(manifest('Gateway', one(), 'mesh'))).toEqual(['FL2260 3:19']);
  });
});

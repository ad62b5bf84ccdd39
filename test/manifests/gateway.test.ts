import { describe, expect, test } from 'vitest';
import { manifest, problemsOf } from './scope.ts';

/** A Gateway with one server; `more` is added to it. */
const one = (more = '', port = '{ number: 80, name: http, protocol: HTTP }', hosts = '[www.acme.example]') =>
  `  selector: { app: edge }\n  servers:\n  - port: ${port}\n    hosts: ${hosts}${more === '' ? '' : `\n    ${more}`}`;

const pair = '{ serverCertificate: a, privateKey: b }';
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
    ['TLS', one('tls: { mode: SIMPLE, credentialName: x }', port('protocol: TLS')), []],
    ['TLS that is passed on', one('tls: { mode: PASSTHROUGH }', port('protocol: TLS')), []],
    ['TCP', one('', port('protocol: TCP')), []],
    ['MONGO', one('', port('protocol: MONGO')), []],
    ['TCP with TLS', one('tls: { mode: SIMPLE }', port('protocol: TCP')), ['FL2221 9:12']],
    [
      'TCP that is sent to https',
      one('tls: { httpsRedirect: true }', port('protocol: TCP')),
      ['FL2221 9:12'],
    ],
    ['an unknown protocol', one('', port('protocol: HTTP3')), ['FL2108 7:47']],
    ['a target port', one('', port('protocol: HTTP, targetPort: 8080')), ['FL2280 7:53']],
    [
      'a certificate in plain text',
      one('tls: { mode: SIMPLE, credentialName: x }'),
      ['FL2221 9:12', 'FL2221 9:26'],
    ],
    ['a default endpoint', one('defaultEndpoint: 127.0.0.1:80'), ['FL2280 9:5']],
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

  test.each([
    ['files', 'mode: SIMPLE, serverCertificate: a.pem, privateKey: a.key', []],
    ['a secret', 'mode: SIMPLE, credentialName: www', []],
    ['two secrets', 'mode: SIMPLE, credentialNames: [rsa, ecdsa]', []],
    ['two pairs of files', `mode: SIMPLE, tlsCertificates: [${pair}, ${pair}]`, []],
    [
      'clients by files of a pair',
      'mode: SIMPLE, tlsCertificates: [{ serverCertificate: a, privateKey: a, caCertificates: b }]',
      ['FL2104 9:83'],
    ],
    ['clients by files', 'mode: MUTUAL, serverCertificate: a, privateKey: a, caCertificates: b', []],
    ['clients by a secret', 'mode: OPTIONAL_MUTUAL, credentialName: www, subjectAltNames: [a]', []],
    ['clients by another secret', 'mode: MUTUAL, credentialName: www, caCertCredentialName: ca', []],
    [
      'versions',
      'mode: SIMPLE, credentialName: x, minProtocolVersion: TLSV1_2, maxProtocolVersion: TLSV1_3',
      [],
    ],
    ['the highest version', 'mode: SIMPLE, credentialName: x, maxProtocolVersion: TLS_AUTO', []],
    ['clients of anybody', 'mode: MUTUAL, credentialName: www, insecureSkipVerify: true', []],
    ['no word of clients', 'mode: SIMPLE, credentialName: www, insecureSkipVerify: false', []],
    [
      'anybody, whom nobody asks',
      'mode: SIMPLE, credentialName: www, insecureSkipVerify: true',
      ['FL2221 9:47'],
    ],
    ['no tls', null, ['FL2106 7:5']],
    ['no certificate', 'mode: SIMPLE', ['FL2106 9:5']],
    ['a certificate without its key', 'mode: SIMPLE, serverCertificate: a', ['FL2106 9:5']],
    ['a key alone', 'mode: SIMPLE, privateKey: a', ['FL2106 9:5', 'FL2221 9:26']],
    ['two certificates', 'mode: SIMPLE, credentialName: a, credentialNames: [b]', ['FL2240 9:45']],
    ['a secret elsewhere', 'mode: SIMPLE, credentialName: ../a', ['FL2109 9:42']],
    ['a secret that a program keeps', 'mode: SIMPLE, credentialName: sds://a', ['FL2109 9:42']],
    ['nobody who signs clients', 'mode: MUTUAL, serverCertificate: a, privateKey: a', ['FL2106 9:5']],
    ['clients that are not asked', 'mode: SIMPLE, credentialName: a, subjectAltNames: [b]', ['FL2221 9:45']],
    [
      'two who sign clients',
      'mode: MUTUAL, credentialName: a, caCertificates: b, caCertCredentialName: c',
      ['FL2240 9:64'],
    ],
    ['no version left', 'mode: SIMPLE, credentialName: a, maxProtocolVersion: TLSV1_1', ['FL2109 9:65']],
    ['a cipher suite that is none', 'mode: SIMPLE, credentialName: a, cipherSuites: [RC4]', ['FL2108 9:60']],
    ['a malformed hash', 'mode: MUTUAL, credentialName: a, verifyCertificateHash: [ab]', ['FL2109 9:69']],
    ['a redirect', 'mode: SIMPLE, credentialName: a, httpsRedirect: true', ['FL2221 9:45']],
    ['PASSTHROUGH', 'mode: PASSTHROUGH', []],
    ['PASSTHROUGH and a certificate', 'mode: PASSTHROUGH, credentialName: a', ['FL2221 9:31']],
    ['no mode', 'credentialName: a', ['FL2221 9:12']],
    ['AUTO_PASSTHROUGH', 'mode: AUTO_PASSTHROUGH', ['FL2104 9:18']],
    ['ISTIO_MUTUAL', 'mode: ISTIO_MUTUAL', ['FL2104 9:18']],
  ] as const)('HTTPS with %s', (_name, tls, expected) => {
    const spec = one(tls === null ? '' : `tls: { ${tls} }`, port('protocol: HTTPS'));
    expect(problemsOf(manifest('Gateway', spec))).toEqual(expected);
  });

  test('mesh is no name of one', () => {
    expect(problemsOf(manifest('Gateway', one(), 'mesh'))).toEqual(['FL2260 3:19']);
  });
});

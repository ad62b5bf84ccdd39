import { describe, expect, test } from 'vitest';
import { named, problemsOf, read } from './scope.ts';

/** What stands below `addressType` begins on line 5, or on line 6 where the type is said by the case. */
const slice = (rest: string, labels = '{ kubernetes.io/service-name: cart }', type = 'IPv4'): string =>
  `apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: { name: cart-x, namespace: shop, labels: ${labels} }\naddressType: ${type}\n${rest}\n`;
const at = (...addresses: readonly string[]): string =>
  `endpoints: [${addresses.map((address) => `{ addresses: ["${address}"] }`).join(', ')}]`;

/** As a cluster prints it. */
const printed = `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: cart-x7k2p
  generateName: cart-
  namespace: shop
  labels:
    kubernetes.io/service-name: cart
    endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io
  ownerReferences: [{ apiVersion: v1, kind: Service, name: cart, uid: a, controller: true }]
  resourceVersion: "12"
addressType: IPv4
endpoints:
  - addresses: [10.1.2.3]
    conditions: { ready: true, serving: true, terminating: false }
    hints: { forZones: [{ name: eu-a }] }
    hostname: cart-0
    nodeName: node-1
    targetRef: { kind: Pod, name: cart-0, namespace: shop, uid: b, resourceVersion: "1" }
    zone: eu-a
    deprecatedTopology: { kubernetes.io/hostname: node-1 }
ports:
  - { name: http, port: 8080, protocol: TCP, appProtocol: http }
`;

describe('what is honoured', () => {
  test.each([
    ['what a cluster prints', printed],
    ['IPv6', slice(at('2001:db8::1', 'fd00:0:0::2'), undefined, 'IPv6')],
    ['nobody serves', slice('endpoints: []\nports: []')],
    ['nothing but its type', slice('')],
    ['empty as a cluster prints it', slice('endpoints: null\nports: null')],
    [
      'conditions that nobody knows',
      slice('endpoints: [{ addresses: [10.0.0.1], conditions: { ready: null } }]'),
    ],
    ['a port without a name', slice(`${at('10.0.0.1')}\nports: [{ port: 8080 }]`)],
    ['two ports of one number', slice('ports: [{ name: a, port: 1 }, { name: b, port: 1 }]')],
  ])('%s', (_what, text) => {
    const { resources, problems } = read({ 'a.yaml': text });
    expect(problems).toEqual([]);
    expect(named(resources)).toHaveLength(1);
  });
});

test.each<readonly [string, string, readonly string[]]>([
  ['v1beta1', slice('').replace('/v1\n', '/v1beta1\n'), ['FL2103 1:13']],
  ['host names', slice('', undefined, 'FQDN'), ['FL2104 4:14']],
  ['no type', slice('').replace('addressType: IPv4\n', ''), ['FL2106 1:1']],
  ['another type', slice('', undefined, 'ipv4'), ['FL2108 4:14']],
  ['no label', slice('', '{}'), ['FL2245 3:1']],
  ['an empty label', slice('', '{ kubernetes.io/service-name: "" }'), ['FL2245 3:1']],
  ['an endpoint without addresses', slice('endpoints: [{ zone: a }]'), ['FL2106 5:13']],
  ['an empty list of addresses', slice('endpoints: [{ addresses: [] }]'), ['FL2109 5:15']],
  ['several addresses', slice('endpoints: [{ addresses: [10.0.0.1, 10.0.0.2] }]'), ['FL2104 5:37']],
  ['a host name', slice(at('cart.example')), ['FL2208 5:27']],
  ['IPv6 among IPv4', slice(at('10.0.0.1', '2001:db8::1')), ['FL2208 5:56']],
  ['IPv4 in IPv6', slice(at('::ffff:10.0.0.1'), undefined, 'IPv6'), ['FL2208 5:27']],
  ['a range', slice(at('10.0.0.0/8')), ['FL2208 5:27']],
  ...['127.0.0.1', '127.1.2.3', '0.0.0.0', '169.254.1.1', '224.0.0.7'].map(
    (address) => [address, slice(at(address)), ['FL2246 5:27']] as const,
  ),
  ...['::', '::1', '0:0::1', 'fe80::1', 'febf::1', 'ff02::5'].map(
    (address) => [address, slice(at(address), undefined, 'IPv6'), ['FL2246 5:27']] as const,
  ),
  ['a zone of two parts', slice('endpoints: [{ addresses: [10.0.0.1], zone: a/b }]'), ['FL2109 5:44']],
  [
    'readiness as text',
    slice('endpoints: [{ addresses: [10.0.0.1], conditions: { ready: "yes" } }]'),
    ['FL2107 5:59'],
  ],
  ['an unknown field', slice('endpoints: [{ addresses: [10.0.0.1], adresses: [] }]'), ['FL2105 5:38']],
  ['a spec', slice('spec: {}'), ['FL2105 5:1']],
  ['a port without a number', slice('ports: [{ name: http }]'), ['FL2106 5:9']],
  ['a port of 0', slice('ports: [{ port: 0 }]'), ['FL2111 5:17']],
  ['a port name twice', slice('ports: [{ name: a, port: 1 }, { name: a, port: 2 }]'), ['FL2204 5:39']],
  ['two ports without names', slice('ports: [{ port: 1 }, { port: 2 }]'), ['FL2204 5:22']],
])('refused: %s', (_what, text, expected) => {
  expect(problemsOf(text)).toEqual(expected);
  expect(read({ 'a.yaml': text }).resources).toEqual([]);
});

test('a port that no proxy sees is a warning', () => {
  const text = slice('ports: [{ name: a, port: 53, protocol: UDP }, { name: b, port: 53 }]');
  expect(problemsOf(text)).toEqual(['FL2280 5:40']);
  expect(read({ 'a.yaml': text }).resources).toHaveLength(1);
});

test('what to write in place of v1beta1', () => {
  const [problem] = read({ 'a.yaml': slice('').replace('/v1\n', '/v1beta1\n') }).problems;
  expect(problem?.fix).toContain('discovery.k8s.io/v1');
});

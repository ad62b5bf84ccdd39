import { describe, expect, test } from 'vitest';
import type { Endpoint } from '../../src/mesh/index.ts';
import { service, slice, subsets, workload } from './manifests.ts';
import { codesOf, meshOf } from './world.ts';

const acme = (files: string | Record<string, string>) => ({ path: 'acme', files });
const id = 'shop/cart.shop.svc.cluster.local';
const cart = service('cart', 'shop');

function endpointsOf(files: string | Record<string, string>): readonly Endpoint[] {
  const { endpoints, problems } = meshOf(acme(files));
  expect(problems).toEqual([]);
  return endpoints.get(id) ?? [];
}

/** `address port→target`, as clients hear them. */
const heard = (endpoints: readonly Endpoint[]): readonly string[] =>
  endpoints.map(({ address, ports }) => [address, ...[...ports].map((pair) => pair.join('→'))].join(' '));

const at = (address: string, more = ''): string => `{addresses: ["${address}"]${more}}`;
const when = (conditions: string): string => `, conditions: {${conditions}}`;

describe('whose endpoints', () => {
  test('the Service’s that the label names, at the port of the slice, whatever its targetPort', () => {
    const ports = '[{name: http, port: 80, targetPort: 9999}]';
    const found = endpointsOf(
      service('cart', 'shop', '', ports) + slice('a', 'shop', 'cart', [at('10.0.0.1', ', zone: eu-a')]),
    );
    expect(heard(found)).toEqual(['10.0.0.1 80→8080']);
    expect(found).toMatchObject([{ locality: '/eu-a', weight: 1, namespace: 'shop', labels: {} }]);
    expect(found[0]?.origin).toMatchObject({ document: 'EndpointSlice/shop/a', line: 10, column: 13 });
  });

  test('of several slices, each once', () => {
    const found = endpointsOf({
      'b.yaml': cart + slice('a', 'shop', 'cart', [at('10.0.0.2'), at('10.0.0.1')]),
      'a.yaml': slice('b', 'shop', 'cart', [at('10.0.0.3'), at('10.0.0.1')]),
    });
    expect(heard(found)).toEqual(['10.0.0.1 80→8080', '10.0.0.2 80→8080', '10.0.0.3 80→8080']);
  });

  test('of slices with other ports each, and one address written in two ways', () => {
    const two = service('cart', 'shop', '', '[{name: http, port: 80}, {name: grpc, port: 90}]');
    const of = (name: string, port: string, address: string) =>
      slice(name, 'shop', 'cart', [at(address)], { ports: port, family: 'IPv6' });
    const found = endpointsOf(
      two +
        of('a', '[{name: http, port: 8080}]', '2001:db8::1') +
        of('b', '[{name: http, port: 8080}, {name: grpc, port: 9090}]', '2001:DB8:0::1'),
    );
    expect(heard(found)).toEqual(['2001:db8::1 80→8080', '2001:db8::1 90→9090']);
  });

  test('beside those that its selector finds; a workload with a manifest of its own is that', () => {
    const found = endpointsOf(
      cart +
        workload('w', 'shop', '10.0.0.1', 'app: cart, version: v1', ', ports: {http: 8080}, weight: 3') +
        slice('a', 'shop', 'cart', [at('10.0.0.1'), at('10.0.0.2')]),
    );
    expect(heard(found)).toEqual(['10.0.0.1 80→8080', '10.0.0.2 80→8080']);
    expect(found[0]).toMatchObject({ labels: { version: 'v1' }, weight: 3 });
  });

  test('a port without a name', () => {
    const ports = '[{port: 80}]';
    const nameless = slice('a', 'shop', 'cart', [at('10.0.0.1')], { ports: '[{port: 8080}]' });
    expect(heard(endpointsOf(service('cart', 'shop', '', ports) + nameless))).toEqual(['10.0.0.1 80→8080']);
  });

  test('addresses of both families belong to one workload where they stand for one thing', () => {
    const pod = ', targetRef: {kind: Pod, name: cart-0}';
    const found = endpointsOf(
      cart +
        slice('a', 'shop', 'cart', [at('10.0.0.1', pod)]) +
        slice('b', 'shop', 'cart', [at('2001:db8::1', pod)], { family: 'IPv6' }),
    );
    expect(found.map(({ workload: owner }) => owner)).toEqual(['Pod/shop/cart-0', 'Pod/shop/cart-0']);
  });
});

describe('which of them', () => {
  const some = (...conditions: readonly string[]) =>
    slice(
      'a',
      'shop',
      'cart',
      conditions.map((condition, index) => at(`10.0.0.${index}`, condition)),
    );

  test.each<readonly [string, readonly string[], readonly number[]]>([
    ['nothing said is ready', ['', when(''), when('ready: null')], [0, 1, 2]],
    ['those that are not ready are left out', [when('ready: false'), when('ready: true')], [1]],
    [
      'while one is ready, those that terminate are left out',
      [when('ready: false, serving: true, terminating: true'), ''],
      [1],
    ],
    [
      'else those that still serve while they terminate are the last resort',
      [
        when('ready: false, serving: true, terminating: true'),
        when('ready: false, serving: false, terminating: true'),
        when('ready: false, serving: true'),
      ],
      [0],
    ],
    ['or nobody', [when('ready: false'), when('ready: false, terminating: true')], []],
  ])('%s', (_what, conditions, expected) => {
    const addresses = endpointsOf(cart + some(...conditions)).map(({ address }) => address);
    expect(addresses).toEqual(expected.map((index) => `10.0.0.${index}`));
  });

  test('all, where the Service publishes those that are not ready', () => {
    const eager = service('cart', 'shop', ', publishNotReadyAddresses: true');
    const found = endpointsOf(eager + some(when('ready: false'), ''));
    expect(found).toHaveLength(2);
  });
});

describe('what does not fit', () => {
  const problemsOf = (files: string) => codesOf(meshOf(acme(files)));

  test.each([
    [
      'a Service that is not there',
      slice('a', 'shop', 'basket', [at('10.0.0.1')]),
      ['FL3322 acme/mesh.yaml:9'],
    ],
    [
      'a Service of another namespace',
      slice('a', 'web', 'cart', [at('10.0.0.1')]),
      ['FL3322 acme/mesh.yaml:9'],
    ],
    [
      'a port that the Service lacks, so that its own has none',
      slice('a', 'shop', 'cart', [at('10.0.0.1')], { ports: '[{name: htpp, port: 8080}]' }),
      ['FL3324 acme/mesh.yaml:11', 'FL3323 acme/mesh.yaml:11'],
    ],
    [
      'a port too many',
      slice('a', 'shop', 'cart', [at('10.0.0.1')], {
        ports: '[{name: http, port: 8080}, {name: grpc, port: 90}]',
      }),
      ['FL3323 acme/mesh.yaml:11'],
    ],
    [
      'endpoints without ports',
      slice('a', 'shop', 'cart', [at('10.0.0.1')], { ports: '[]' }),
      ['FL3324 acme/mesh.yaml:11'],
    ],
    ['no endpoints: no ports are needed', slice('a', 'shop', 'cart', [], { ports: '[]' }), []],
  ])('%s', (_what, text, expected) => {
    expect(problemsOf(cart + text)).toEqual(expected);
  });

  test('a subset that none of the slices’ endpoints can be in', () => {
    const built = meshOf(
      acme(cart + slice('a', 'shop', 'cart', [at('10.0.0.1')]) + subsets('cart', 'shop', 'cart', 'v1')),
    );
    expect(codesOf(built)).toEqual(['FL3325 acme/mesh.yaml:16']);
    expect(built.problems[0]?.severity).toBe('warning');
    expect(built.mesh.services[0]?.subsets).toHaveLength(1);
  });

  test('a subset without labels has all of them', () => {
    const all = subsets('cart', 'shop', 'cart', 'v1').replace('labels: {version: v1}', 'labels: {}');
    expect(problemsOf(cart + slice('a', 'shop', 'cart', [at('10.0.0.1')]) + all)).toEqual([]);
  });

  test('a slice in another scope’s namespace gives nobody an endpoint', () => {
    const built = meshOf(acme(slice('a', 'payments', 'api', [at('10.0.0.9')])), {
      path: 'acme.payments',
      namespaces: ['payments'],
      hosts: [],
      files: service('api', 'payments'),
    });
    expect(codesOf(built)).toEqual(['FL3101 acme/mesh.yaml:4']);
    expect(built.endpoints.get('payments/api.payments.svc.cluster.local')).toEqual([]);
  });
});

test('a port of UDP is none: neither the Service nor its slices miss it', () => {
  const ports = '[{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]';
  const files =
    service('dns', 'shop', '', ports) +
    slice('dns-1', 'shop', 'dns', ['{addresses: [10.0.0.1]}'], {
      ports: ports.replaceAll('port: 53', 'port: 5353'),
    });
  const { mesh, endpoints, problems } = meshOf({ path: 'acme', files });
  expect(problems).toEqual([]);
  expect(mesh.services.map(({ ports: all }) => all)).toMatchObject([[{ number: 53, name: 'dns-tcp' }]]);
  expect([...endpoints.values()].flat().map(({ ports: all }) => [...all])).toEqual([[[53, 5353]]]);
});

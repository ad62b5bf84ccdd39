import { describe, expect, test } from 'vitest';
import { istio, service, workload } from '../mesh/manifests.ts';
import { type Json, jsonOf, namesOf, proxyAt, snapshotOf, virtualHosts } from './world.ts';

const acme = (files: string) => ({ path: 'acme', files });
const tcp = (port: number) => `[{name: tcp, port: ${port}}]`;
const filterOf = (listener: Json) => listener.filter_chains?.[0]?.filters?.[0]?.typed_config;

describe('the HTTP proxy', () => {
  test('listens on the loopback', () => {
    const snapshot = snapshotOf(proxyAt('10.0.0.1', 'shop'), acme(''));
    expect(namesOf(snapshot, 'listeners')).toEqual(['127.0.0.1_15080']);
    const manager = filterOf(jsonOf(snapshot, 'listeners', '127.0.0.1_15080'));
    expect(manager).toMatchObject({ rds: { route_config_name: 'http_proxy', config_source: { ads: {} } } });
  });

  test('on the port that the proxy says', () => {
    const proxy = proxyAt('10.0.0.1', 'shop', { FAIRLEAD: { httpProxyPort: 18080 } });
    expect(namesOf(snapshotOf(proxy, acme('')), 'listeners')).toEqual(['127.0.0.1_18080']);
  });
});

describe('TCP', () => {
  const proxy = proxyAt('10.0.0.1', 'web');

  test('one listener for each service', () => {
    const snapshot = snapshotOf(
      proxy,
      acme(service('db', 'shop', '', tcp(5432)) + service('web', 'shop', '', tcp(443))),
    );
    expect(namesOf(snapshot, 'listeners')).toEqual(['127.0.0.1_15080', '127.0.0.1_5432']);
    const listener = jsonOf(snapshot, 'listeners', '127.0.0.1_5432');
    expect(filterOf(listener)?.cluster).toBe('outbound|5432||db.shop.svc.cluster.local');
  });

  test('none where two services want the address, or the HTTP proxy has it', () => {
    const files = ['a', 'b'].map((name) => service(name, 'shop', '', tcp(5432))).join('');
    const snapshot = snapshotOf(proxy, acme(files + service('c', 'shop', '', tcp(15080))));
    expect(namesOf(snapshot, 'listeners')).toEqual(['127.0.0.1_15080']);
    expect(snapshot.skipped.map(({ address, sources }) => [address, sources.length])).toEqual([
      ['127.0.0.1_15080', 1],
      ['127.0.0.1_5432', 1],
      ['127.0.0.1_5432', 1],
    ]);
  });

  test('of TLS that a Sidecar binds waits for the first bytes as any other does', () => {
    const egress =
      'egress: [{port: {number: 443, name: tls, protocol: TLS}, bind: 127.0.0.9, hosts: ["./*"]}]';
    const files =
      istio('Sidecar', 'web', 'web', `{${egress}}`) +
      istio(
        'ServiceEntry',
        'ext',
        'web',
        '{hosts: [a.example, b.example], resolution: DNS, ports: [{number: 443, name: tls, protocol: TLS}]}',
      );
    const listener = jsonOf(snapshotOf(proxy, acme(files)), 'listeners', '127.0.0.9_443');
    expect(listener).toMatchObject({
      listener_filters_timeout: '0s',
      continue_on_listener_filters_timeout: true,
    });
  });

  test.each([15000, 15090])('none at %i, where the proxy itself listens', (port) => {
    const snapshot = snapshotOf(proxy, acme(service('a', 'shop', '', tcp(port))));
    expect(namesOf(snapshot, 'listeners')).toEqual(['127.0.0.1_15080']);
    expect(snapshot.skipped).toMatchObject([{ reason: 'the proxy itself listens there' }]);
  });
});

describe('what two services want is the nearest one’s, so that no scope can take it from another’s clients', () => {
  const one = acme(service('db', 'shop', ', clusterIP: 10.96.0.1', tcp(5432)));
  const files = service('db', 'payments', ', clusterIP: 10.96.0.1', tcp(5432)) + service('x', 'payments');
  const other = { path: 'acme.payments', namespaces: ['payments', 'pay-eu'], hosts: [], files };

  test.each([
    ['shop', 'shop'],
    ['web', 'shop'],
    ['payments', 'payments'],
    ['pay-eu', 'payments'],
  ])('a port, for clients in %s', (namespace, winner) => {
    const snapshot = snapshotOf(proxyAt('10.0.0.1', namespace), one, other);
    const listener = jsonOf(snapshot, 'listeners', '127.0.0.1_5432');
    expect(filterOf(listener)?.cluster).toBe(`outbound|5432||db.${winner}.svc.cluster.local`);
    expect(snapshot.skipped).toHaveLength(1);
  });

  test('an address', () => {
    const named = (name: string, namespace: string) => service(name, namespace, ', clusterIP: 10.96.0.2');
    const scopes = [acme(named('a', 'shop')), { ...other, files: named('b', 'payments') }];
    const hosts = virtualHosts(snapshotOf(proxyAt('10.0.0.1', 'pay-eu'), ...scopes));
    const having = [...hosts.values()].filter(({ domains }) => domains.includes('10.96.0.2'));
    expect(having.map(({ name }) => name)).toEqual(['b.payments.svc.cluster.local:80']);
  });
});

describe('inbound', () => {
  const http = '[{name: http, port: 80, targetPort: 8080}]';
  const cart = service('cart', 'shop', '', http) + workload('c', 'shop', '127.0.0.2', 'app: cart');

  test('the workload’s address, in front of the application on the loopback', () => {
    const snapshot = snapshotOf(proxyAt('127.0.0.2', 'shop'), acme(cart));
    const listener = jsonOf(snapshot, 'listeners', '127.0.0.2_8080');
    expect(listener).toMatchObject({
      traffic_direction: 'INBOUND',
      address: { socket_address: { address: '127.0.0.2', port_value: 8080 } },
    });
    expect(filterOf(listener)?.route_config).toMatchObject({
      name: 'inbound|8080||',
      virtual_hosts: [
        { name: 'inbound|http|80', domains: ['*'], routes: [{ route: { cluster: 'inbound|8080||' } }] },
      ],
    });
    expect(jsonOf(snapshot, 'clusters', 'inbound|8080||')).toMatchObject({ type: 'STATIC' });
  });

  test.each([
    ['another workload’s proxy', proxyAt('127.0.0.3', 'shop')],
    ['a proxy of another namespace under the same address', proxyAt('127.0.0.2', 'web')],
  ])('nothing for %s', (_who, proxy) => {
    expect(namesOf(snapshotOf(proxy, acme(cart)), 'listeners')).toEqual(['127.0.0.1_15080']);
  });

  test('nothing on the loopback itself, which the application has', () => {
    const files = service('cart', 'shop', '', http) + workload('c', 'shop', '127.0.0.1', 'app: cart');
    expect(namesOf(snapshotOf(proxyAt('127.0.0.1', 'shop'), acme(files)), 'listeners')).toEqual([
      '127.0.0.1_15080',
    ]);
  });

  test('the application keeps its port on the loopback: no TCP listener there', () => {
    const db = service('db', 'shop', '', tcp(5432)) + workload('d', 'shop', '127.0.0.2', 'app: db');
    const snapshot = snapshotOf(proxyAt('127.0.0.2', 'shop'), acme(db));
    expect(namesOf(snapshot, 'listeners')).toEqual(['127.0.0.1_15080', '127.0.0.2_5432']);
    expect(snapshot.skipped.map(({ address }) => address)).toEqual(['127.0.0.1_5432']);
  });

  test('two services of one target share a listener; bytes pass unless both speak HTTP', () => {
    const twin = (name: string, port: string) =>
      service(name, 'shop', '', `[{name: ${port}, port: 90, targetPort: 8080}]`).replace(
        `app: ${name}`,
        'app: cart',
      );
    const both = (port: string) => snapshotOf(proxyAt('127.0.0.2', 'shop'), acme(cart + twin('twin', port)));
    expect(filterOf(jsonOf(both('http'), 'listeners', '127.0.0.2_8080'))).toHaveProperty('route_config');
    expect(filterOf(jsonOf(both('web'), 'listeners', '127.0.0.2_8080'))).toHaveProperty(
      'cluster',
      'inbound|8080||',
    );
  });
});

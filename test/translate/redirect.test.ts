import { describe, expect, test } from 'vitest';
import { istio, routes, service, to, workload } from '../mesh/manifests.ts';
import { type Json, jsonOf, namesOf, proxyAt, snapshotOf } from './world.ts';

const acme = (files: string) => ({ path: 'acme', files });
const payments = (files: string) => ({
  path: 'acme.payments',
  namespaces: ['payments'],
  hosts: ['pay.acme.example'],
  files,
});
const redirect = { FAIRLEAD: { capture: 'redirect' } };
const client = proxyAt('10.0.0.1', 'web', redirect);
const cart = 'cart.shop.svc.cluster.local';
const tcp = (port: number) => `[{name: tcp, port: ${port}}]`;
const always = ['virtualInbound', 'virtualOutbound'];

const external = (name: string, namespace: string, host: string, port: number, more = '') => {
  const ports = `[{number: ${port}, name: tcp, protocol: TCP}]`;
  return istio(
    'ServiceEntry',
    name,
    namespace,
    `{hosts: [${host}], ports: ${ports}, resolution: DNS${more}}`,
  );
};

/** Filter chains with the cluster or the routes that they lead to, the default one last. */
function chainsOf(listener: Json): readonly (readonly [object, string])[] {
  const chains = [...(listener.filter_chains ?? []), ...[listener.default_filter_chain ?? []].flat()];
  return chains.map((chain) => {
    const config = chain.filters?.[0]?.typed_config;
    const table = config?.rds?.route_config_name ?? config?.route_config?.name;
    return [chain.filter_chain_match ?? {}, String(config?.cluster ?? table)];
  });
}

const raw = { transport_protocol: 'raw_buffer', application_protocols: ['http/1.1', 'h2c'] };

test('a host that ends with a dot is the same host, for who calls', () => {
  const files =
    service('cart', 'shop', ', clusterIP: 10.96.0.9', '[{name: http, port: 80}, {name: auto, port: 90}]') +
    workload('web', 'web', '10.0.0.1', 'app: web') +
    service('web', 'web');
  const snapshot = snapshotOf(client, acme(files));
  const said = namesOf(snapshot, 'listeners').flatMap((name) => {
    const text = JSON.stringify(jsonOf(snapshot, 'listeners', name));
    const managers = text.split('v3.HttpConnectionManager"').length - 1;
    return managers === 0 ? [] : [[name, managers, text.split('"strip_trailing_host_dot":true').length - 1]];
  });
  expect(said).toEqual([
    ['0.0.0.0_80', 1, 1],
    ['0.0.0.0_90', 1, 1],
    ['10.96.0.9_90', 1, 1],
    ['virtualInbound', 1, 0],
  ]);
});

describe('a client that serves nothing', () => {
  const snapshot = snapshotOf(client, acme(service('cart', 'shop')));

  test('has outbound listeners, and passes on what comes in', () => {
    expect(namesOf(snapshot, 'listeners')).toEqual(['0.0.0.0_80', ...always]);
    expect(chainsOf(jsonOf(snapshot, 'listeners', 'virtualInbound'))).toEqual([
      [{ destination_port: 15006 }, 'BlackHoleCluster'],
      [{}, 'InboundPassthroughCluster'],
    ]);
    expect(namesOf(snapshot, 'clusters').filter((name) => name.startsWith('inbound|'))).toEqual([]);
  });

  test('its connections are guarded against loops, and pass on where nothing is known', () => {
    const listener = jsonOf(snapshot, 'listeners', 'virtualOutbound');
    expect(listener).toMatchObject({ use_original_dst: true, traffic_direction: 'OUTBOUND' });
    expect(chainsOf(listener)).toEqual([
      [{ destination_port: 15001 }, 'BlackHoleCluster'],
      [{}, 'PassthroughCluster'],
    ]);
  });

  test('only the two listeners that iptables redirects to are bound', () => {
    const bound = namesOf(snapshot, 'listeners').filter(
      (name) => jsonOf(snapshot, 'listeners', name).bind_to_port === undefined,
    );
    expect(bound).toEqual(always);
  });
});

describe('HTTP', () => {
  const files =
    service('cart', 'shop', ', clusterIP: 10.96.0.1') + routes('www', 'shop', 'www.acme.example', to('cart'));
  const snapshot = snapshotOf(client, acme(files));

  test('is told by its host; other bytes pass on', () => {
    const listener = jsonOf(snapshot, 'listeners', '0.0.0.0_80');
    expect(listener.listener_filters?.map(({ name }) => name)).toEqual([
      'envoy.filters.listener.tls_inspector',
      'envoy.filters.listener.http_inspector',
    ]);
    expect(chainsOf(listener)).toEqual([
      [raw, '80'],
      [{}, 'PassthroughCluster'],
    ]);
  });

  test('by all names of its services, whatever port stands behind them', () => {
    const table = jsonOf(snapshot, 'routes', '80');
    expect(table.ignore_port_in_host_matching).toBe(true);
    expect(table.virtual_hosts).toMatchObject([
      { name: `${cart}:80`, domains: [cart, 'cart.shop.svc', 'cart.shop', '10.96.0.1'] },
      { name: 'www.acme.example:80', domains: ['www.acme.example'] },
      { name: 'allow_any', domains: ['*'], routes: [{ route: { cluster: 'PassthroughCluster' } }] },
    ]);
  });

  test('a host that only a routing defines needs no service on its port', () => {
    const lone =
      service('cart', 'shop', '', '[{name: http, port: 8080}]') +
      routes('www', 'shop', 'www.acme.example', to('cart'));
    expect(namesOf(snapshotOf(client, acme(lone)), 'routes')).toEqual(['80', '8080']);
  });
});

describe('TCP', () => {
  test('has a listener at each address of the service', () => {
    const files = service(
      'db',
      'shop',
      ', clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1, "2001:DB8::0:1"]',
      tcp(5432),
    );
    const snapshot = snapshotOf(client, acme(files));
    expect(namesOf(snapshot, 'listeners')).toEqual(['10.96.0.1_5432', '2001:db8::1_5432', ...always]);
    expect(chainsOf(jsonOf(snapshot, 'listeners', '10.96.0.1_5432'))).toEqual([
      [{}, 'outbound|5432||db.shop.svc.cluster.local'],
    ]);
  });

  test('without an address passes on to the endpoint that the client chose', () => {
    const files =
      service('db', 'shop', ', clusterIP: None', tcp(5432)) + workload('d', 'shop', '10.0.0.9', 'app: db');
    expect(namesOf(snapshotOf(client, acme(files)), 'listeners')).toEqual(always);
  });

  test('… without waiting for first bytes, where another service has HTTP on the port', () => {
    const db =
      service('db', 'shop', ', clusterIP: None', tcp(80)) + workload('d', 'shop', '10.0.0.9', 'app: db');
    const snapshot = snapshotOf(client, acme(db + service('cart', 'shop')));
    expect(namesOf(snapshot, 'listeners')).toEqual(['0.0.0.0_80', '10.0.0.9_80', ...always]);
    const listener = jsonOf(snapshot, 'listeners', '10.0.0.9_80');
    expect(listener.listener_filters).toBe(undefined);
    expect(chainsOf(listener)).toEqual([[{}, 'PassthroughCluster']]);
  });

  test('a service entry without an address takes the port, and shares it with HTTP', () => {
    const files = external('queue', 'shop', 'queue.acme.example', 80) + service('cart', 'shop');
    expect(chainsOf(jsonOf(snapshotOf(client, acme(files)), 'listeners', '0.0.0.0_80'))).toEqual([
      [raw, '80'],
      [{}, 'outbound|80||queue.acme.example'],
    ]);
    const alone = snapshotOf(client, acme(external('queue', 'shop', 'queue.acme.example', 5672)));
    expect(jsonOf(alone, 'listeners', '0.0.0.0_5672').listener_filters).toBe(undefined);
  });

  test('two that want the port are a conflict, and it passes on', () => {
    const files =
      external('a', 'shop', 'a.acme.example', 5672) + external('b', 'shop', 'b.acme.example', 5672);
    const snapshot = snapshotOf(client, acme(files));
    expect(namesOf(snapshot, 'listeners')).toEqual(always);
    expect(snapshot.skipped.map(({ address, sources }) => [address, sources.length])).toEqual([
      ['0.0.0.0_5672', 1],
      ['0.0.0.0_5672', 1],
    ]);
  });

  test('a range of addresses', () => {
    const range = istio(
      'ServiceEntry',
      'main',
      'shop',
      '{hosts: [main.acme.example], addresses: [192.0.2.0/24], ports: [{number: 80, name: tcp, protocol: TCP}]}',
    );
    expect(chainsOf(jsonOf(snapshotOf(client, acme(range)), 'listeners', '0.0.0.0_80'))).toEqual([
      [
        { prefix_ranges: [{ address_prefix: '192.0.2.0', prefix_len: 24 }] },
        'outbound|80||main.acme.example',
      ],
      [{}, 'PassthroughCluster'],
    ]);
  });
});

test('TLS without an address is told by its name', () => {
  const api = istio(
    'ServiceEntry',
    'api',
    'shop',
    '{hosts: [api.acme.example], resolution: DNS, ports: [{number: 443, name: tls, protocol: TLS}]}',
  );
  expect(chainsOf(jsonOf(snapshotOf(client, acme(api)), 'listeners', '0.0.0.0_443'))).toEqual([
    [{ transport_protocol: 'tls', server_names: ['api.acme.example'] }, 'outbound|443||api.acme.example'],
    [{}, 'PassthroughCluster'],
  ]);
});

test('what nobody declared is told by its first bytes', () => {
  const files = service('web', 'shop', ', clusterIP: 10.96.0.1', '[{name: web, port: 90}]');
  const snapshot = snapshotOf(client, acme(files));
  const host = 'web.shop.svc.cluster.local';
  expect(chainsOf(jsonOf(snapshot, 'listeners', '10.96.0.1_90'))).toEqual([
    [raw, `${host}:90`],
    [{}, `outbound|90||${host}`],
  ]);
  expect(jsonOf(snapshot, 'routes', `${host}:90`).virtual_hosts).toMatchObject([
    { name: `${host}:90`, domains: ['*'] },
  ]);
});

describe('no scope takes connections from another one’s clients', () => {
  test.each([
    ['a port', external('any', 'payments', 'pay.acme.example', 5672), '0.0.0.0_5672'],
    [
      'a range',
      istio(
        'ServiceEntry',
        'any',
        'payments',
        '{hosts: [pay.acme.example], addresses: [0.0.0.0/0], ports: [{number: 5672, name: tcp, protocol: TCP}]}',
      ),
      '0.0.0.0/0_5672',
    ],
    ['every address', service('any', 'payments', ', clusterIP: 0.0.0.0', tcp(5672)), '0.0.0.0_5672'],
    ['a workload’s address', service('any', 'payments', ', clusterIP: 10.0.0.9', tcp(5672)), '10.0.0.9_5672'],
  ])('by %s', (_what, files, address) => {
    const db =
      service('db', 'shop', ', clusterIP: None', tcp(5432)) + workload('d', 'shop', '10.0.0.9', 'app: db');
    const snapshot = snapshotOf(client, acme(db), payments(files));
    expect(namesOf(snapshot, 'listeners')).toEqual(always);
    expect(snapshot.skipped.map((skipped) => skipped.address)).toEqual([address]);
  });

  test('by a workload’s address, however the workload’s scope writes it', () => {
    const files = service('db', 'shop', '', tcp(5432)) + workload('d', 'shop', '"FD00:0::9"', 'app: db');
    const any = payments(service('any', 'payments', ', clusterIP: "fd00::9"', tcp(5672)));
    const snapshot = snapshotOf(client, acme(files), any);
    expect(namesOf(snapshot, 'listeners')).toEqual(always);
  });

  test('its own do lose it', () => {
    const snapshot = snapshotOf(
      proxyAt('10.0.0.2', 'payments', redirect),
      acme(''),
      payments(external('any', 'payments', 'pay.acme.example', 5672)),
    );
    expect(namesOf(snapshot, 'listeners')).toEqual(['0.0.0.0_5672', ...always]);
  });

  test('and no service takes the ports at which captured traffic arrives', () => {
    const files = [15001, 15006]
      .map((port) => service(`s${port}`, 'shop', '', `[{name: http, port: ${port}}]`))
      .join('');
    const snapshot = snapshotOf(client, acme(files));
    expect(namesOf(snapshot, 'listeners')).toEqual(always);
    expect(snapshot.skipped.map(({ address }) => address)).toEqual(['0.0.0.0_15001', '0.0.0.0_15006']);
  });
});

test('a workload cannot serve the port at which captured traffic arrives', () => {
  const ports = '[{name: http, port: 80, targetPort: 15006}, {name: tcp, port: 81}]';
  const files = service('cart', 'shop', '', ports) + workload('c', 'shop', '10.0.0.1', 'app: cart');
  const snapshot = snapshotOf(proxyAt('10.0.0.1', 'shop', redirect), acme(files));
  const chains = chainsOf(jsonOf(snapshot, 'listeners', 'virtualInbound'));
  expect(chains.slice(2)).toEqual([[{ destination_port: 81 }, 'inbound|81||']]);
  expect(snapshot.skipped.map(({ address }) => address)).toEqual(['0.0.0.0_15006']);
});

describe('inbound', () => {
  const ports = '[{name: http, port: 80, targetPort: 8080}, {name: tcp, port: 5432}, {name: web, port: 90}]';
  const files = service('cart', 'shop', '', ports) + workload('c', 'shop', '10.0.0.1', 'app: cart');
  const snapshot = snapshotOf(proxyAt('10.0.0.1', 'shop', redirect), acme(files));
  const listener = jsonOf(snapshot, 'listeners', 'virtualInbound');

  test('a chain for each port that the workload serves', () => {
    expect(chainsOf(listener).slice(2)).toEqual([
      [{ destination_port: 90, ...raw }, 'inbound|90||'],
      [{ destination_port: 90 }, 'inbound|90||'],
      [{ destination_port: 5432 }, 'inbound|5432||'],
      [{ destination_port: 8080 }, 'inbound|8080||'],
    ]);
  });

  test('first bytes are waited for only where nobody declared what they are', () => {
    expect(listener.listener_filters).toMatchObject([
      { name: 'envoy.filters.listener.original_dst' },
      {
        name: 'envoy.filters.listener.http_inspector',
        filter_disabled: { not_match: { destination_port_range: { start: 90, end: 91 } } },
      },
    ]);
  });

  test('the application is reached at its own address, from one that is not captured again', () => {
    for (const name of ['inbound|8080||', 'InboundPassthroughCluster']) {
      expect(jsonOf(snapshot, 'clusters', name)).toMatchObject({
        type: 'ORIGINAL_DST',
        upstream_bind_config: { source_address: { address: '127.0.0.6' } },
      });
    }
  });

  test('both families where the workload has both', () => {
    const dual = proxyAt('10.0.0.1', 'shop', { ...redirect, INSTANCE_IPS: '10.0.0.1,2001:db8::1' });
    const both = snapshotOf(dual, acme(files));
    const six = { socket_address: { address: '::', port_value: 15006 } };
    expect(jsonOf(both, 'listeners', 'virtualInbound').additional_addresses).toEqual([{ address: six }]);
    const lone = snapshotOf(proxyAt('2001:db8::1', 'shop', redirect), acme(files));
    expect(jsonOf(lone, 'listeners', 'virtualInbound').address).toEqual(six);
    expect(namesOf(lone, 'listeners')).toContain('::_80');
    expect(jsonOf(lone, 'clusters', 'InboundPassthroughCluster').upstream_bind_config).toMatchObject({
      source_address: { address: '::6' },
    });
  });
});

import { describe, expect, test } from 'vitest';
import type { Snapshot } from '../../src/translate/index.ts';
import { Client } from '../../src/xds/client.ts';
import { type DeltaRequest, delta } from '../../src/xds/delta.ts';
import { limits } from '../../src/xds/limits.ts';
import { Session } from '../../src/xds/session.ts';
import {
  CLUSTER,
  cluster,
  ENDPOINT,
  endpoints,
  LISTENER,
  listener,
  ROUTE,
  route,
  snapshot,
  tcpListener,
} from './resources.ts';

type Request = DeltaRequest;

const nothing = {
  subscribe: [],
  unsubscribe: [],
  initialVersions: new Map(),
  nonce: '',
  error: null,
  node: null,
};
const short = (typeUrl: string) => typeUrl.slice(typeUrl.lastIndexOf('.') + 1);

/** A stream that writes what it hears as `Cluster a@1 -b`. */
function stream(first: Snapshot | null) {
  const session = new Session(delta, new Client({ removalTimeoutMs: 30_000 }));
  if (first !== null) session.publish(first.resources, 'r1');
  const ask = (typeUrl: string, request: Partial<Request> = {}) =>
    session.receive({ ...nothing, ...request, typeUrl });
  const hear = (nowMs = 0) => {
    const response = session.next(nowMs);
    if (response === null) return null;
    const resources = response.resources.map(({ name, version }) => `${name}@${version}`);
    const text = [short(response.typeUrl), ...resources, ...response.removed.map((name) => `-${name}`)].join(
      ' ',
    );
    return { text, typeUrl: response.typeUrl, nonce: response.nonce };
  };
  const hearAll = (nowMs = 0) => {
    const heard = [];
    for (let next = hear(nowMs); next !== null; next = hear(nowMs)) heard.push(next);
    return heard;
  };
  return {
    session,
    ask,
    /** What comes now, without any answer. */
    texts: (nowMs = 0) => hearAll(nowMs).map(({ text }) => text),
    hearAll,
    ack: ({ typeUrl, nonce }: { typeUrl: string; nonce: string }) => ask(typeUrl, { nonce }),
    nack: ({ typeUrl, nonce }: { typeUrl: string; nonce: string }, error = 'no') =>
      ask(typeUrl, { nonce, error }),
    publish: (next: Snapshot) => session.publish(next.resources, 'r2'),
  };
}

/** Subscribed to everything as an Envoy is, and everything ACKed. */
function settled(first: Snapshot) {
  const proxy = stream(first);
  const names = (typeUrl: 'endpoints' | 'routes') => [
    ...(first.resources.get(typeUrl === 'routes' ? ROUTE : ENDPOINT)?.keys() ?? []),
  ];
  proxy.ask(CLUSTER);
  proxy.ask(ENDPOINT, { subscribe: names('endpoints') });
  proxy.ask(LISTENER);
  proxy.ask(ROUTE, { subscribe: names('routes') });
  for (let heard = proxy.hearAll(); heard.length > 0; heard = proxy.hearAll()) heard.forEach(proxy.ack);
  expect(proxy.session.settled()).toBe(true);
  return proxy;
}

function only<T>(items: readonly T[]): T {
  const [item] = items;
  if (items.length !== 1 || item === undefined) throw new Error(`one expected, got ${JSON.stringify(items)}`);
  return item;
}

const web = [cluster('a'), endpoints('a'), listener('http', '1', ['r']), route('r', '1', ['a'])] as const;

describe('order', () => {
  test('nothing is sent before the first publish', () => {
    const proxy = stream(null);
    proxy.ask(CLUSTER);
    expect(proxy.texts()).toEqual([]);
    proxy.publish(snapshot());
    expect(proxy.texts()).toEqual(['Cluster']);
  });

  test('a starting Envoy hears CDS, EDS, LDS, RDS', () => {
    const proxy = stream(snapshot(...web));
    proxy.ask(CLUSTER);
    const [clusters] = proxy.hearAll();
    proxy.ask(ENDPOINT, { subscribe: ['a'] });
    expect(clusters?.text).toBe('Cluster a@1');
    expect(proxy.texts()).toEqual(['ClusterLoadAssignment a@1']);
    if (clusters) proxy.ack(clusters);
    proxy.ask(LISTENER);
    expect(proxy.texts()).toEqual(['Listener http@1']);
    proxy.ask(ROUTE, { subscribe: ['r'] });
    expect(proxy.texts()).toEqual(['RouteConfiguration r@1']);
  });

  test('a new route waits for the ACK of the cluster that it names', () => {
    const proxy = settled(snapshot(...web));
    proxy.publish(snapshot(...web.slice(0, 3), cluster('b'), endpoints('b'), route('r', '2', ['a', 'b'])));
    const clusters = only(proxy.hearAll());
    expect(clusters.text).toBe('Cluster b@1');
    proxy.ack(clusters);
    expect(proxy.texts()).toEqual(['RouteConfiguration r@2']);
  });

  test('a new listener waits for the clusters of its routes', () => {
    const proxy = settled(snapshot(...web));
    const tcp = tcpListener('tcp', '1', ['b']);
    proxy.publish(
      snapshot(
        ...web,
        cluster('b'),
        endpoints('b'),
        listener('new', '1', ['q']),
        route('q', '1', ['b']),
        tcp,
      ),
    );
    const clusters = only(proxy.hearAll());
    proxy.ack(clusters);
    expect(proxy.texts()).toEqual(['Listener new@1 tcp@1']);
  });

  test('a cluster that never gets ACKed holds its route back for 30 s, and a condition says so', () => {
    const proxy = settled(snapshot(...web));
    proxy.publish(snapshot(...web.slice(0, 3), cluster('b'), route('r', '2', ['b'])));
    expect(proxy.texts(1_000)).toEqual(['Cluster b@1']);
    expect(proxy.session.deadlineMs(1_000)).toBe(31_000);
    expect(proxy.texts(30_999)).toEqual([]);
    expect(proxy.texts(31_000)).toEqual(['RouteConfiguration r@2']);
    expect(proxy.session.conditions()).toMatchObject([
      { type: 'AckTimedOut', typeUrl: ROUTE, name: 'r', because: ['Cluster b'], sinceMs: 1_000 },
    ]);
    expect(proxy.session.deadlineMs(31_000)).toBeNull();
  });

  test('a client that asks for routes before clusters, as gRPC does, gets them', () => {
    const proxy = stream(snapshot(...web));
    proxy.ask(LISTENER, { subscribe: ['http'] });
    proxy.ask(ROUTE, { subscribe: ['r'] });
    expect(proxy.texts()).toEqual(['Listener http@1', 'RouteConfiguration r@1']);
    proxy.ask(CLUSTER, { subscribe: ['a'] });
    expect(proxy.texts()).toEqual(['Cluster a@1']);
  });

  test('O1: a changed cluster gets its endpoints again, unchanged as they are', () => {
    const proxy = settled(snapshot(...web));
    proxy.publish(snapshot(cluster('a', '2'), ...web.slice(1)));
    expect(proxy.texts()).toEqual(['Cluster a@2', 'ClusterLoadAssignment a@1']);
  });

  test('O1: … also when the new ones are refused: then with the last good, or it would warm forever', () => {
    const proxy = settled(snapshot(...web));
    proxy.publish(snapshot(cluster('a', '2'), endpoints('a', 'bad'), ...web.slice(2)));
    const [clusters, assignments] = proxy.hearAll();
    expect(assignments?.text).toBe('ClusterLoadAssignment a@bad');
    if (clusters) proxy.ack(clusters);
    if (assignments) proxy.nack(assignments);
    expect(proxy.texts()).toEqual(['ClusterLoadAssignment a@1']);
  });

  test('O2: an empty assignment is sent like any other', () => {
    const proxy = settled(snapshot(...web));
    proxy.publish(snapshot(cluster('a'), endpoints('a', 'empty'), ...web.slice(2)));
    expect(proxy.texts()).toEqual(['ClusterLoadAssignment a@empty']);
  });

  test('O4: EDS, LDS and RDS without CDS are answered', () => {
    const proxy = stream(snapshot(...web));
    proxy.ask(ENDPOINT, { subscribe: ['a'], initialVersions: new Map([['a', '1']]) });
    proxy.ask(LISTENER, { initialVersions: new Map([['http', '1']]) });
    proxy.ask(ROUTE, { subscribe: ['r'], initialVersions: new Map([['r', '1']]) });
    expect(proxy.texts()).toEqual(['ClusterLoadAssignment a@1', 'Listener', 'RouteConfiguration r@1']);
  });

  test('a publish without a change emits nothing, with a new one beside it only that', () => {
    const proxy = settled(snapshot(...web));
    proxy.publish(snapshot(...web));
    expect(proxy.texts()).toEqual([]);
    expect(proxy.session.settled()).toBe(true);
    proxy.publish(snapshot(...web, cluster('z')));
    expect(proxy.texts()).toEqual(['Cluster z@1']);
  });

  test('a listener replaced by another goes in the same response: they may share an address', () => {
    const proxy = settled(snapshot(tcpListener('old', '1', [])));
    proxy.publish(snapshot(tcpListener('new', '1', [])));
    expect(proxy.texts()).toEqual(['Listener new@1 -old']);
  });

  test('an unknown type is answered from nothing', () => {
    const proxy = settled(snapshot(...web));
    proxy.ask('type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret', { subscribe: ['s'] });
    expect(proxy.texts()).toEqual(['Secret -s']);
  });
});

describe('removals', () => {
  const moved = snapshot(cluster('b'), endpoints('b'), listener('http', '1', ['r']), route('r', '2', ['b']));

  test('O3: a cluster goes only after the ACK of the route that stopped using it', () => {
    const proxy = settled(snapshot(...web));
    proxy.publish(moved);
    proxy.ack(only(proxy.hearAll()));
    const routes = only(proxy.hearAll());
    expect(routes.text).toBe('RouteConfiguration r@2');
    proxy.ack(routes);
    expect(proxy.texts()).toEqual(['Cluster -a']);
    expect(proxy.session.conditions()).toEqual([]);
  });

  test('O3: its endpoints go only after the ACK of its own removal, and only if still asked for', () => {
    const proxy = settled(snapshot(cluster('a'), endpoints('a')));
    proxy.publish(snapshot());
    const removal = only(proxy.hearAll());
    proxy.ack(removal);
    expect(proxy.texts()).toEqual(['ClusterLoadAssignment -a']);
  });

  test('O3: a route goes after the ACK of the listener that stopped using it', () => {
    const proxy = settled(snapshot(...web));
    proxy.publish(snapshot(cluster('a'), endpoints('a'), listener('http', '2', [])));
    const listeners = only(proxy.hearAll());
    expect(listeners.text).toBe('Listener http@2');
    proxy.ack(listeners);
    expect(proxy.texts()).toEqual(['RouteConfiguration -r']);
  });

  test('a cluster that nothing uses goes at once', () => {
    const proxy = settled(snapshot(...web, cluster('idle')));
    proxy.publish(snapshot(...web));
    expect(proxy.texts()).toEqual(['Cluster -idle']);
  });

  test('without an ACK it goes after 30 s, with the condition RemovalTimedOut', () => {
    const proxy = settled(snapshot(...web));
    proxy.publish(moved);
    proxy.ack(only(proxy.hearAll(0)));
    const routes = only(proxy.hearAll(0));
    expect(proxy.session.deadlineMs(0)).toBe(30_000);
    expect(proxy.texts(29_999)).toEqual([]);
    expect(proxy.texts(30_000)).toEqual(['Cluster -a', 'ClusterLoadAssignment -a']);
    const condition = {
      type: 'RemovalTimedOut',
      typeUrl: CLUSTER,
      name: 'a',
      because: ['RouteConfiguration r'],
    };
    expect(proxy.session.conditions()[0]).toMatchObject(condition);
    proxy.ack(routes);
    expect(proxy.session.conditions().map(({ typeUrl }) => typeUrl)).toEqual([ENDPOINT]);
  });

  test('after a NACK the last good stays whole: what it uses is not removed, also not after 30 s', () => {
    const proxy = settled(snapshot(...web));
    proxy.publish(moved);
    proxy.ack(only(proxy.hearAll()));
    proxy.nack(only(proxy.hearAll()));
    expect(proxy.texts(90_000)).toEqual([]);
    expect(proxy.session.conditions()).toMatchObject([
      { type: 'RemovalBlocked', typeUrl: CLUSTER, name: 'a', because: ['RouteConfiguration r'] },
      { type: 'RemovalBlocked', typeUrl: ENDPOINT, name: 'a', because: ['Cluster a'] },
    ]);
    expect(proxy.session.deadlineMs(90_000)).toBeNull();
    expect(proxy.session.settled()).toBe(false);
  });

  test('a cluster removed and wanted again is sent again, and its route after it', () => {
    const proxy = settled(snapshot(...web));
    proxy.publish(snapshot(listener('http', '1', ['r']), route('r', '2', [])));
    proxy.ack(only(proxy.hearAll()));
    const removal = only(proxy.hearAll());
    proxy.publish(snapshot(...web));
    const clusters = proxy.hearAll();
    expect(clusters.map(({ text }) => text)).toEqual(['Cluster a@1', 'ClusterLoadAssignment a@1']);
    proxy.ack(removal);
    expect(proxy.texts()).toEqual([]);
    clusters.forEach(proxy.ack);
    expect(proxy.texts()).toEqual(['RouteConfiguration r@1']);
  });

  test('D3, O3: after a reconnect a cluster stays until listeners and routes are here and ACKed', () => {
    const proxy = stream(moved);
    proxy.ask(CLUSTER, { initialVersions: new Map([['a', '1']]) });
    const clusters = only(proxy.hearAll());
    expect(clusters.text).toBe('Cluster b@1');
    proxy.ack(clusters);
    proxy.ask(LISTENER, { initialVersions: new Map([['http', '1']]) });
    proxy.ask(ROUTE, { subscribe: ['r'], initialVersions: new Map([['r', '1']]) });
    const rest = proxy.hearAll();
    expect(rest.map(({ text }) => text)).toEqual(['Listener', 'RouteConfiguration r@2']);
    rest.forEach(proxy.ack);
    expect(proxy.texts()).toEqual(['Cluster -a']);
  });
});

describe('answers', () => {
  test('D5: is said at once, though what the client has refers to it: it can lose nothing', () => {
    const proxy = stream(snapshot(listener('http', '1', ['ghost'])));
    proxy.ask(LISTENER);
    proxy.hearAll().forEach(proxy.ack);
    proxy.ask(ROUTE, { subscribe: ['ghost'] });
    expect(proxy.texts()).toEqual(['RouteConfiguration -ghost']);
  });

  test('as many may wait as a stream may have names', () => {
    const proxy = stream(snapshot());
    const versions = Array.from({ length: limits.names }, (_, index) => [`${index}`, '1'] as const);
    proxy.ask(ENDPOINT, { initialVersions: new Map(versions) });
    expect(proxy.texts()).toEqual([]);
    expect(proxy.session.deadlineMs(1_000)).toBe(30_000);
    expect(only(proxy.hearAll(30_000)).text.split(' ')).toHaveLength(limits.names + 1);
  });

  test('C2: types have nonces of their own: that of another type answers nothing', () => {
    const proxy = stream(snapshot(...web));
    proxy.ask(CLUSTER);
    proxy.ask(ENDPOINT, { subscribe: ['a'] });
    const [clusters] = proxy.hearAll();
    if (clusters === undefined) throw new Error('no clusters');
    proxy.ask(ENDPOINT, { nonce: clusters.nonce, error: 'no' });
    expect(proxy.session.subscription(ENDPOINT)?.rejections()).toEqual([]);
    expect(proxy.session.subscription(CLUSTER)?.idle).toBe(false);
    proxy.ack(clusters);
    expect(proxy.session.subscription(CLUSTER)?.idle).toBe(true);
  });

  test('an ACK of what was never sent is not shown', () => {
    const proxy = stream(snapshot(...web));
    proxy.ask(CLUSTER);
    only(proxy.hearAll());
    proxy.ask(CLUSTER, { nonce: 'x'.repeat(1_000) });
    expect(proxy.session.progress(CLUSTER)).toMatchObject({ sent: '1.1', acked: '' });
  });

  test('a client that answers nothing is sent only so much: the newest when it answers', () => {
    const proxy = stream(snapshot(cluster('a', '0')));
    proxy.ask(CLUSTER);
    const heard = proxy.hearAll();
    for (let version = 1; version <= 1_000; version += 1) {
      proxy.publish(snapshot(cluster('a', `${version}`)));
      heard.push(...proxy.hearAll());
    }
    expect(heard.length).toBe(limits.unanswered);
    expect(proxy.session.pending).toBe(true);
    heard.forEach(proxy.ack);
    expect(proxy.texts()).toEqual(['Cluster a@1000']);
  });
});

describe('NACK', () => {
  test('a refused cluster holds back what newly refers to it, and nothing else', () => {
    const proxy = settled(snapshot(...web, listener('other', '1', ['s']), route('s', '1', ['a'])));
    const routes = [route('r', '2', ['a', 'b']), route('s', '2', ['a'])];
    const listeners = [listener('http', '1', ['r']), listener('other', '1', ['s'])];
    proxy.publish(snapshot(cluster('a'), endpoints('a'), cluster('b'), ...listeners, ...routes));
    const heard = proxy.hearAll();
    expect(heard.map(({ text }) => text)).toEqual(['Cluster b@1', 'RouteConfiguration s@2']);
    heard.slice(0, 1).forEach((clusters) => {
      proxy.nack(clusters, 'Error adding/updating cluster(s) b: no');
    });
    expect(proxy.texts(90_000)).toEqual([]);
    const condition = { type: 'HeldBack', typeUrl: ROUTE, name: 'r', because: ['Cluster b'] };
    expect(proxy.session.conditions()).toMatchObject([condition]);
    proxy.publish(snapshot(cluster('a'), endpoints('a'), cluster('b', '2'), ...listeners, ...routes));
    proxy.ack(only(proxy.hearAll()));
    expect(proxy.texts()).toEqual(['RouteConfiguration r@2']);
    expect(proxy.session.conditions()).toEqual([]);
  });

  test('a refused change of a cluster that the client has holds back nothing', () => {
    const proxy = settled(snapshot(...web));
    proxy.publish(snapshot(cluster('a', '2'), ...web.slice(1, 3), route('r', '2', ['a'])));
    const [clusters, ...rest] = proxy.hearAll();
    if (clusters) proxy.nack(clusters);
    expect(rest.map(({ text }) => text)).toEqual(['ClusterLoadAssignment a@1', 'RouteConfiguration r@2']);
    expect(proxy.session.settled()).toBe(false);
  });
});

describe('settled', () => {
  test('a starting client has not everything while it has not asked for everything', () => {
    const proxy = stream(snapshot(...web));
    expect(proxy.session.settled()).toBe(false);
    proxy.ask(CLUSTER);
    proxy.ack(only(proxy.hearAll()));
    expect(proxy.session.settled()).toBe(false);
    proxy.ask(LISTENER);
    proxy.ack(only(proxy.hearAll()));
    expect(proxy.session.settled()).toBe(false);
    proxy.ask(ROUTE, { subscribe: ['r'] });
    proxy.ack(only(proxy.hearAll()));
    expect(proxy.session.settled()).toBe(true);
  });
});

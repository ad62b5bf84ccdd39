import { describe, expect, test } from 'vitest';
import type { Snapshot, SnapshotResource } from '../../src/translate/index.ts';
import { Client } from '../../src/xds/client.ts';
import { Session } from '../../src/xds/session.ts';
import type { SotwRequest } from '../../src/xds/sotw.ts';
import { sotw } from '../../src/xds/sotw-wire.ts';
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

type Heard = {
  readonly text: string;
  readonly typeUrl: string;
  readonly nonce: string;
  readonly version: string;
};

const short = (typeUrl: string) => typeUrl.slice(typeUrl.lastIndexOf('.') + 1);

/** One state-of-the-world stream that writes what it hears as `Cluster a@1 b@1`; requests say everything, as they do. */
function stream(...first: readonly SnapshotResource[]) {
  const session = new Session(sotw, new Client({ removalTimeoutMs: 30_000 }));
  session.publish(snapshot(...first).resources, 'r1');
  const names = new Map<string, readonly string[]>();
  const last = new Map<string, { nonce: string; version: string }>();
  const ask = (typeUrl: string, wanted: readonly string[] = [], more: Partial<SotwRequest> = {}) => {
    names.set(typeUrl, wanted);
    const said = last.get(typeUrl) ?? { nonce: '', version: '' };
    session.receive({ typeUrl, node: null, error: null, names: wanted, ...said, ...more });
  };
  const hear = (nowMs = 0): Heard | null => {
    const response = session.next(nowMs);
    if (response === null) return null;
    const { typeUrl, nonce, version, resources } = response;
    const contents = resources.map((resource) => `${resource.name}@${resource.version}`);
    return { text: [short(typeUrl), ...contents].join(' '), typeUrl, nonce, version };
  };
  const ack = ({ typeUrl, nonce, version }: Heard) => {
    last.set(typeUrl, { nonce, version });
    ask(typeUrl, names.get(typeUrl));
  };
  const nack = ({ typeUrl, nonce }: Heard, error = 'no') =>
    ask(typeUrl, names.get(typeUrl), { nonce, error });
  const hearAll = (nowMs = 0) => {
    const heard: Heard[] = [];
    for (let next = hear(nowMs); next !== null; next = hear(nowMs)) heard.push(next);
    return heard;
  };
  const publish = (...next: readonly SnapshotResource[]) =>
    session.publish(snapshot(...next).resources, 'r2');
  /** Everything that comes, each response ACKed. */
  const drain = (nowMs = 0) => {
    const heard: string[] = [];
    for (let next = hear(nowMs); next !== null; next = hear(nowMs)) {
      heard.push(next.text);
      ack(next);
    }
    return heard;
  };
  return { session, ask, hear, hearAll, ack, nack, publish, drain };
}

/** Subscribed to everything as an Envoy is, and everything ACKed. */
function settled(...first: readonly SnapshotResource[]) {
  const proxy = stream(...first);
  const { resources }: Snapshot = snapshot(...first);
  proxy.ask(CLUSTER);
  proxy.ask(ENDPOINT, [...(resources.get(ENDPOINT)?.keys() ?? [])]);
  proxy.ask(LISTENER);
  proxy.ask(ROUTE, [...(resources.get(ROUTE)?.keys() ?? [])]);
  proxy.drain();
  expect(proxy.session.settled()).toBe(true);
  return proxy;
}

function only<T>(items: readonly T[]): T {
  const [item] = items;
  if (items.length !== 1 || item === undefined) throw new Error(`one expected, got ${JSON.stringify(items)}`);
  return item;
}

const web = [cluster('a'), endpoints('a'), listener('http', '1', ['r']), route('r', '1', ['a'])] as const;

describe('wildcard', () => {
  test('W1: no name at all means everything, for clusters and listeners', () => {
    const proxy = stream(...web);
    proxy.ask(CLUSTER);
    proxy.ask(LISTENER);
    expect(proxy.drain()).toEqual(['Cluster a@1', 'Listener http@1']);
  });

  test('W1: an empty list after names means nothing', () => {
    const proxy = stream(cluster('a'), cluster('b'));
    proxy.ask(CLUSTER, ['a']);
    proxy.drain();
    proxy.ask(CLUSTER, []);
    proxy.publish(cluster('a', '2'), cluster('b', '2'));
    expect(proxy.drain()).toEqual([]);
  });

  test('W2: [] is *, then * and a name, then the name alone, then nothing', () => {
    const proxy = stream(cluster('a'), cluster('b'));
    proxy.ask(CLUSTER);
    expect(proxy.drain()).toEqual(['Cluster a@1 b@1']);
    proxy.ask(CLUSTER, ['*', 'a']);
    expect(proxy.drain()).toEqual(['Cluster a@1 b@1']);
    proxy.publish(cluster('a'), cluster('b', '2'));
    expect(proxy.drain()).toEqual(['Cluster a@1 b@2']);
    proxy.ask(CLUSTER, ['a']);
    proxy.publish(cluster('a', '2'), cluster('b', '3'));
    expect(proxy.drain()).toEqual(['Cluster a@2']);
    proxy.ask(CLUSTER, []);
    proxy.publish(cluster('a', '3'), cluster('b', '4'));
    expect(proxy.drain()).toEqual([]);
  });

  test('W2: a name after the legacy form drops *', () => {
    const proxy = stream(cluster('a'), cluster('b'));
    proxy.ask(CLUSTER);
    proxy.drain();
    proxy.ask(CLUSTER, ['b']);
    expect(proxy.drain()).toEqual(['Cluster b@1']);
  });

  test('W4: a name given up under * is answered', () => {
    const proxy = stream(cluster('a'), cluster('b'));
    proxy.ask(CLUSTER, ['*', 'a']);
    proxy.drain();
    proxy.ask(CLUSTER, ['*']);
    expect(proxy.drain()).toEqual(['Cluster a@1 b@1']);
  });

  test('W5: no name means nothing for endpoints and routes', () => {
    const proxy = stream(...web);
    proxy.ask(ENDPOINT);
    proxy.ask(ROUTE);
    expect(proxy.drain()).toEqual([]);
  });

  test('W7: a glob is a name like any other', () => {
    const proxy = stream(...web);
    proxy.ask(CLUSTER, ['xdstp://acme/envoy.config.cluster.v3.Cluster/*']);
    expect(proxy.drain()).toEqual(['Cluster']);
  });

  test('W5: a client that names what it wants, as gRPC does, never gets more', () => {
    const proxy = stream(...web, cluster('b'), tcpListener('tcp', '1', ['b']));
    proxy.ask(LISTENER, ['http']);
    proxy.ask(ROUTE, ['r']);
    proxy.ask(CLUSTER, ['a']);
    proxy.ask(ENDPOINT, ['a']);
    const heard = ['Cluster a@1', 'ClusterLoadAssignment a@1', 'Listener http@1', 'RouteConfiguration r@1'];
    expect(proxy.drain()).toEqual(heard);
  });

  test('D6: the first answer to * comes even if empty: it means that there is nothing', () => {
    const proxy = stream();
    proxy.ask(CLUSTER);
    expect(proxy.drain()).toEqual(['Cluster']);
  });
});

describe('version and nonce', () => {
  test('S1: the version is that of the content, whichever stream and revision it is in', () => {
    const versions = [stream(...web), stream(...[...web].reverse())].map((proxy) => {
      proxy.ask(CLUSTER);
      return proxy.hear()?.version;
    });
    expect(versions[0]).toMatch(/^[0-9a-f]{16}$/);
    expect(versions[1]).toBe(versions[0]);
    const other = stream(cluster('a', '2'));
    other.ask(CLUSTER);
    expect(other.hear()?.version).not.toBe(versions[0]);
  });

  test('S1: who comes back with the present version gets everything: refusing a part it may have kept another', () => {
    const before = stream(cluster('a'));
    before.ask(CLUSTER);
    const accepted = only(before.hearAll());
    before.ack(accepted);
    before.publish(cluster('a'), cluster('bad'), cluster('good'));
    before.nack(only(before.hearAll())); // an Envoy has `good` now, and says the version before
    const proxy = stream(cluster('a'));
    proxy.ask(CLUSTER, [], { version: accepted.version });
    expect(proxy.drain()).toEqual(['Cluster a@1']);
  });

  test('S1: so does who comes back with another version, or with names', () => {
    const proxy = stream(...web);
    proxy.ask(CLUSTER, [], { version: 'of an earlier life' });
    proxy.ask(LISTENER, ['http'], { version: 'of an earlier life' });
    proxy.ask(ENDPOINT, ['a'], { version: 'of an earlier life' });
    expect(proxy.drain()).toEqual(['Cluster a@1', 'ClusterLoadAssignment a@1', 'Listener http@1']);
  });

  test('S1: what a client brought along is cleared away, also when it refuses the first answer', () => {
    const proxy = stream(cluster('a'));
    proxy.ask(CLUSTER, [], { version: 'of an earlier life' });
    proxy.nack(only(proxy.hearAll()));
    expect(proxy.drain()).toEqual(['Cluster']);
    proxy.nack({ typeUrl: CLUSTER, nonce: '1.2', text: '', version: '' });
    expect(proxy.drain()).toEqual([]);
  });

  test('S2: a stale nonce is not answered, and what it asks for not forgotten', () => {
    const proxy = stream(endpoints('a'), endpoints('b'));
    proxy.ask(ENDPOINT, ['a']);
    const first = only(proxy.hearAll());
    expect(first.text).toBe('ClusterLoadAssignment a@1');
    proxy.ask(ENDPOINT, ['a', 'b']); // sent before the response arrived
    expect(proxy.hear()).toBeNull();
    proxy.ack(first);
    expect(proxy.drain()).toEqual(['ClusterLoadAssignment b@1']);
  });

  test('S2: changes while a response is on its way come as one, after its answer', () => {
    const proxy = stream(cluster('a'));
    proxy.ask(CLUSTER);
    const first = only(proxy.hearAll());
    proxy.publish(cluster('a', '2'));
    proxy.publish(cluster('a', '3'));
    expect(proxy.hear()).toBeNull();
    proxy.ack(first);
    expect(proxy.drain()).toEqual(['Cluster a@3']);
  });

  test('C2: types have nonces and versions of their own', () => {
    const proxy = stream(...web);
    proxy.ask(CLUSTER);
    proxy.ask(ENDPOINT, ['a']);
    const [clusters, assignments] = proxy.hearAll();
    expect(new Set([clusters?.nonce, assignments?.nonce]).size).toBe(2);
    if (assignments) proxy.nack(assignments);
    if (clusters) proxy.ack(clusters);
    expect(proxy.session.subscription(CLUSTER)?.rejections()).toEqual([]);
    expect(proxy.session.subscription(ENDPOINT)?.rejections()).toHaveLength(1);
  });
});

describe('state', () => {
  test('S3: a removed cluster is absent from the next full response; the last one from an empty one', () => {
    const proxy = settled(cluster('a'), cluster('b'));
    proxy.publish(cluster('b'));
    expect(proxy.drain()).toEqual(['Cluster b@1']);
    proxy.publish();
    expect(proxy.drain()).toEqual(['Cluster']);
  });

  test('S3: endpoints and routes come alone, and nothing says that they are gone', () => {
    const proxy = stream(endpoints('a'), endpoints('b'));
    proxy.ask(ENDPOINT, ['a', 'b']);
    proxy.drain();
    proxy.publish(endpoints('a', '2'), endpoints('b'));
    expect(proxy.drain()).toEqual(['ClusterLoadAssignment a@2']);
    proxy.publish(endpoints('a', '2'));
    expect(proxy.drain()).toEqual([]);
    expect(proxy.session.settled()).toBe(true);
    proxy.publish(endpoints('a', '2'), endpoints('b', '2'));
    expect(proxy.drain()).toEqual(['ClusterLoadAssignment b@2']);
  });

  test('S4: a listener that does not exist is absent at once, a route stays unanswered', () => {
    const proxy = stream(...web);
    proxy.ask(LISTENER, ['ghost']);
    proxy.ask(ROUTE, ['ghost']);
    expect(proxy.drain()).toEqual(['Listener']);
  });

  test('C6: it comes when it appears', () => {
    const proxy = stream();
    proxy.ask(ROUTE, ['r']);
    proxy.drain();
    proxy.publish(route('r', '1', []));
    expect(proxy.drain()).toEqual(['RouteConfiguration r@1']);
  });

  test('S5: a name left out is not sent any more; C7: named again it is', () => {
    const proxy = stream(endpoints('a'), endpoints('b'));
    proxy.ask(ENDPOINT, ['a', 'b']);
    proxy.drain();
    proxy.ask(ENDPOINT, ['b']);
    proxy.publish(endpoints('a', '2'), endpoints('b'));
    expect(proxy.drain()).toEqual([]);
    proxy.ask(ENDPOINT, ['a', 'b']);
    expect(proxy.drain()).toEqual(['ClusterLoadAssignment a@2']);
  });

  test('C4: no change is silence', () => {
    const proxy = settled(...web);
    proxy.publish(...web);
    expect(proxy.drain()).toEqual([]);
    expect(proxy.session.settled()).toBe(true);
  });

  test('C5: a name asked for twice comes once', () => {
    const proxy = stream(endpoints('a'));
    proxy.ask(ENDPOINT, ['a', 'a']);
    expect(proxy.drain()).toEqual(['ClusterLoadAssignment a@1']);
  });

  test('C8: nobody hears of a name that he did not ask for', () => {
    const proxy = stream(endpoints('a'), endpoints('b'));
    proxy.ask(ENDPOINT, ['a']);
    proxy.drain();
    proxy.publish(endpoints('a'), endpoints('b', '2'));
    expect(proxy.drain()).toEqual([]);
  });
});

describe('NACK', () => {
  test('C3: refused content goes out as its last good with what changed beside it', () => {
    const proxy = settled(cluster('a'), cluster('b'));
    proxy.publish(cluster('a', '2'), cluster('b', '2'));
    const both = only(proxy.hearAll());
    expect(both.text).toBe('Cluster a@2 b@2');
    proxy.nack(both, 'Error adding/updating cluster(s) a: no');
    expect(proxy.drain()).toEqual(['Cluster a@1 b@2']);
    proxy.publish(cluster('a', '2'), cluster('b', '2'));
    expect(proxy.drain()).toEqual([]);
    proxy.publish(cluster('a', '3'), cluster('b', '2'));
    expect(proxy.drain()).toEqual(['Cluster a@3 b@2']);
    expect(proxy.session.settled()).toBe(true);
  });

  test('C3: what has no last good is left out', () => {
    const proxy = settled(cluster('a'));
    proxy.publish(cluster('a'), cluster('bad'), cluster('good'));
    proxy.nack(only(proxy.hearAll()), 'Error adding/updating cluster(s) bad: no');
    expect(proxy.drain()).toEqual(['Cluster a@1 good@1']);
    expect(proxy.session.subscription(CLUSTER)?.rejections()).toMatchObject(
      [{ name: 'bad', message: 'no' }].map(({ name }) => ({ name })),
    );
  });

  test('C3: a NACK is its error_detail, whatever version is beside it', () => {
    const proxy = stream(cluster('a'));
    proxy.ask(CLUSTER);
    const first = only(proxy.hearAll());
    proxy.ask(CLUSTER, [], { nonce: first.nonce, version: 'of something else' });
    expect(proxy.session.subscription(CLUSTER)?.holdings.holds('a')).toBe(true);
  });

  test('a NACK that names nobody is narrowed down by halves, each in a full response', () => {
    const proxy = settled(cluster('a'), cluster('b'));
    proxy.publish(cluster('a', '2'), cluster('b', '2'));
    proxy.nack(only(proxy.hearAll()));
    const half = only(proxy.hearAll());
    expect(half.text).toBe('Cluster a@2 b@1');
    proxy.nack(half);
    expect(proxy.drain()).toEqual(['Cluster a@1 b@2']);
    expect(
      proxy.session
        .subscription(CLUSTER)
        ?.rejections()
        .map(({ name }) => name),
    ).toEqual(['a']);
  });
});

describe('order', () => {
  const moved = [cluster('b'), endpoints('b'), listener('http', '1', ['r']), route('r', '2', ['b'])];

  test('a starting Envoy hears CDS, EDS, LDS, RDS', () => {
    const proxy = stream(...web);
    proxy.ask(CLUSTER);
    const clusters = only(proxy.hearAll());
    proxy.ask(ENDPOINT, ['a']);
    expect(proxy.drain()).toEqual(['ClusterLoadAssignment a@1']);
    proxy.ack(clusters);
    proxy.ask(LISTENER);
    expect(proxy.drain()).toEqual(['Listener http@1']);
    proxy.ask(ROUTE, ['r']);
    expect(proxy.drain()).toEqual(['RouteConfiguration r@1']);
  });

  test('O1: a changed cluster gets its endpoints again, an unchanged one beside it does not', () => {
    const proxy = settled(...web, cluster('b'), endpoints('b'));
    proxy.publish(...web.slice(1), cluster('a', '2'), cluster('b'), endpoints('b'));
    expect(proxy.drain()).toEqual(['Cluster a@2 b@1', 'ClusterLoadAssignment a@1']);
  });

  test('O2: an empty assignment is sent like any other', () => {
    const proxy = settled(...web);
    proxy.publish(cluster('a'), endpoints('a', 'empty'), ...web.slice(2));
    expect(proxy.drain()).toEqual(['ClusterLoadAssignment a@empty']);
  });

  test('O3: a cluster stays in the full response until the route that used it has moved', () => {
    const proxy = settled(...web);
    proxy.publish(...moved);
    const added = only(proxy.hearAll());
    expect(added.text).toBe('Cluster b@1 a@1');
    proxy.ack(added);
    const routes = only(proxy.hearAll());
    expect(routes.text).toBe('RouteConfiguration r@2');
    expect(proxy.hear()).toBeNull();
    proxy.ack(routes);
    expect(proxy.drain()).toEqual(['Cluster b@1']);
    expect(proxy.session.conditions()).toEqual([]);
  });

  test('O3: a cluster goes at once when the listener of its route went, though nobody says that the route did', () => {
    const proxy = settled(
      ...web,
      cluster('b'),
      endpoints('b'),
      listener('other', '1', ['s']),
      route('s', '1', ['b']),
    );
    proxy.publish(...web);
    expect(proxy.drain()).toEqual(['Listener http@1', 'Cluster a@1']);
  });

  test('O3: … or 30 s have passed', () => {
    const proxy = settled(...web);
    proxy.publish(...moved);
    proxy.ack(only(proxy.hearAll()));
    proxy.hearAll();
    expect(proxy.hearAll(29_999)).toEqual([]);
    expect(proxy.hearAll(30_000).map(({ text }) => text)).toEqual(['Cluster b@1']);
    expect(proxy.session.conditions()[0]).toMatchObject({ type: 'RemovalTimedOut', typeUrl: CLUSTER });
  });

  test('O3: … and for as long as the client refuses the route that stops using it', () => {
    const proxy = settled(...web);
    proxy.publish(...moved);
    proxy.ack(only(proxy.hearAll()));
    proxy.nack(only(proxy.hearAll()));
    expect(proxy.hearAll(90_000)).toEqual([]);
    proxy.publish(...moved, cluster('c'));
    expect(proxy.hearAll(90_000).map(({ text }) => text)).toEqual(['Cluster b@1 c@1 a@1']);
  });

  test('O4: EDS, LDS and RDS without CDS are answered', () => {
    const proxy = stream(...web);
    proxy.ask(ENDPOINT, ['a'], { version: '1' });
    proxy.ask(LISTENER, [], { version: '1' });
    proxy.ask(ROUTE, ['r'], { version: '1' });
    expect(proxy.drain()).toEqual(['ClusterLoadAssignment a@1', 'Listener http@1', 'RouteConfiguration r@1']);
  });
});

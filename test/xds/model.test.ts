import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Snapshot, SnapshotResource } from '../../src/translate/index.ts';
import { type Manners, type Shape, World } from './model.ts';
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

/** A closed set of resources; versions are made of everything that they contain. */
type Plan = {
  readonly clusters: Readonly<Record<string, Variant>>;
  readonly routes: Readonly<Record<string, { variant: Variant; to: readonly string[] }>>;
  readonly listeners: Readonly<Record<string, { variant: Variant; routes: readonly string[]; tcp: boolean }>>;
};
type Variant = { readonly version: 0 | 1; readonly bad: boolean; readonly badEndpoints: boolean };

type Action =
  | { readonly act: 'publish'; readonly plan: Plan }
  | { readonly act: 'speak' | 'hear' | 'take' | 'reconnect' }
  | { readonly act: 'forget'; readonly typeUrl: typeof ENDPOINT | typeof ROUTE; readonly index: number };

const CLUSTERS = ['c0', 'c1', 'c2', 'c3'];
const ROUTES = ['r0', 'r1', 'r2'];

function build(plan: Plan, good: boolean): Snapshot {
  const label = ({ version, bad }: Variant, parts: readonly string[]) =>
    `${bad && !good ? 'bad' : 'v'}${version}(${parts})`;
  const clusters = Object.keys(plan.clusters);
  const resources: SnapshotResource[] = [];
  for (const [name, variant] of Object.entries(plan.clusters)) {
    const its = { ...variant, bad: variant.badEndpoints };
    resources.push(cluster(name, label(variant, [])), endpoints(name, label(its, [])));
  }
  for (const [name, { variant, to }] of Object.entries(plan.routes)) {
    const existing = to.filter((each) => clusters.includes(each));
    resources.push(route(name, label(variant, existing), existing));
  }
  for (const [name, { variant, routes, tcp }] of Object.entries(plan.listeners)) {
    const existing = tcp ? clusters.slice(0, 1) : routes.filter((each) => each in plan.routes);
    const version = label(variant, [`${tcp}`, ...existing]);
    resources.push(tcp ? tcpListener(name, version, existing) : listener(name, version, existing));
  }
  return snapshot(...resources);
}

const often = (weight: number) => fc.nat(weight).map((value) => value === 0);
const variant = fc.record({
  version: fc.constantFrom(0 as const, 1 as const),
  bad: often(5),
  badEndpoints: often(9),
});
const some = <T>(names: readonly string[], value: fc.Arbitrary<T>) =>
  fc.dictionary(fc.constantFrom(...names), value, { maxKeys: names.length });
const plan: fc.Arbitrary<Plan> = fc.record({
  clusters: some(CLUSTERS, variant),
  routes: some(ROUTES, fc.record({ variant, to: fc.subarray(CLUSTERS) })),
  listeners: some(['l0', 'l1'], fc.record({ variant, routes: fc.subarray(ROUTES), tcp: often(4) })),
});
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ act: fc.constant('publish' as const), plan }) },
  {
    weight: 24,
    arbitrary: fc.record({ act: fc.constantFrom('speak' as const, 'hear' as const, 'take' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('reconnect' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      act: fc.constant('forget' as const),
      typeUrl: fc.constantFrom(ENDPOINT, ROUTE),
      index: fc.nat(9),
    }),
  },
);
const shape: fc.Arbitrary<Shape> = fc.record({
  protocol: fc.constantFrom('delta' as const, 'sotw' as const),
  separate: fc.boolean(),
});
const manners: fc.Arbitrary<Manners> = fc.record({ partial: fc.boolean(), names: fc.boolean() });
const story = fc.record({
  shape,
  manners,
  actions: fc.array(action, { maxLength: 120, size: 'max' }),
  last: plan,
});

type Story = {
  readonly shape: Shape;
  readonly manners: Manners;
  readonly actions: readonly Action[];
  readonly last: Plan;
};

/** A world after the actions, everything published as it was meant, and the last plan published as good. */
function play({ shape, manners, actions, last }: Story): World {
  const world = new World(shape, manners);
  let current: Snapshot | null = null;
  for (const each of actions) {
    if (each.act === 'speak') world.serverSpeaks();
    if (each.act === 'hear') world.serverHears();
    if (each.act === 'take') world.clientHears();
    if (each.act === 'forget') world.forget(each.typeUrl, each.index);
    if (each.act === 'reconnect') world.reconnect();
    if (each.act === 'publish') current = build(each.plan, false);
    if ((each.act === 'publish' || each.act === 'reconnect') && current)
      world.publish(current.resources, 'r');
  }
  world.publish(build(last, true).resources, 'last');
  world.drain();
  return world;
}

/** A client of state of the world that comes back does not say what it has: O3 holds within a stream. */
function steady(told: Story): Story {
  if (told.shape.protocol === 'delta') return told;
  return { ...told, actions: told.actions.filter(({ act }) => act !== 'reconnect') };
}

const versions = (resources: Iterable<Pick<SnapshotResource, 'name' | 'version'>>) =>
  [...resources].map(({ name, version }) => `${name}@${version}`).sort();

/** A stream that the client never opened. */
const unused = (session: World['sessions'][number]) => session.types.size === 0;

const runs = { numRuns: 3_000 };

test('a client is never left with a reference to what was taken away, whatever it refuses or forgets', () => {
  fc.assert(
    fc.property(story, (told) => {
      expect(play(steady(told)).faults).toEqual([]);
    }),
    runs,
  );
});

test('what a client that came back has not spoken of yet, and its listeners name, keeps its cluster', () => {
  const good = { version: 0, bad: false, badEndpoints: false } as const;
  const plan: Plan = {
    clusters: { c0: good },
    routes: { r1: { variant: good, to: ['c0'] } },
    listeners: { l0: { variant: good, routes: ['r1'], tcp: false } },
  };
  const whole = Array.from({ length: 12 }, () => [
    { act: 'hear' as const },
    { act: 'speak' as const },
    { act: 'take' as const },
  ]);
  // All but its routes are asked for when all of it is taken away.
  const back = [
    { act: 'reconnect' as const },
    ...Array.from({ length: 3 }, () => ({ act: 'hear' as const })),
  ];
  const world = play({
    shape: { protocol: 'delta', separate: false },
    manners: { partial: false, names: false },
    actions: [{ act: 'publish', plan }, ...whole.flat(), ...back],
    last: { clusters: {}, routes: {}, listeners: {} },
  });
  expect(world.faults).toEqual([]);
});

test('a client ends with exactly its snapshot, warm and settled', () => {
  fc.assert(
    fc.property(story, (told) => {
      const world = play(told);
      const { resources } = build(told.last, true);
      const has = (typeUrl: string) => versions(world.has.get(typeUrl)?.values() ?? []);
      expect(has(CLUSTER)).toEqual(versions(resources.get(CLUSTER)?.values() ?? []));
      expect(has(ENDPOINT)).toEqual(versions(resources.get(ENDPOINT)?.values() ?? []));
      expect(has(LISTENER)).toEqual(versions(resources.get(LISTENER)?.values() ?? []));
      const used = new Set(
        [...(resources.get(LISTENER)?.values() ?? [])].flatMap(({ references }) =>
          references.filter(({ typeUrl }) => typeUrl === ROUTE).map(({ name }) => name),
        ),
      );
      const routes = [...(resources.get(ROUTE)?.values() ?? [])].filter(({ name }) => used.has(name));
      expect(has(ROUTE)).toEqual(versions(routes));
      expect([...world.warming]).toEqual([]);
      expect(world.sessions.flatMap((session) => session.conditions())).toEqual([]);
      expect(world.sessions.every((session) => session.settled() || unused(session))).toBe(true);
    }),
    runs,
  );
});

test('C4: publishing the same again emits nothing, also after a reconnect has settled', () => {
  fc.assert(
    fc.property(story, (told) => {
      const world = play(told);
      world.publish(build(told.last, true).resources, 'again');
      expect(world.drain()).toBe(0);
      expect(world.sessions.every((session) => session.settled() || unused(session))).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test('C3: what is refused costs at most log2 n + 1 sendings, and publishing it again none', () => {
  fc.assert(
    fc.property(story, (told) => {
      const world = play(told);
      world.publish(build(told.last, false).resources, 'bad');
      expect(world.drain()).toBeLessThan(40);
      world.publish(build(told.last, false).resources, 'bad again');
      expect(world.drain()).toBe(0);
    }),
    { numRuns: 500 },
  );
});

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Failure } from '../../src/base/failure.ts';
import type { Objects } from '../../src/git/index.ts';
import type { Line, LineState } from '../../src/governance/index.ts';
import { type Announcement, parseAnnouncement } from '../../src/reconcile/announcement.ts';
import type { Bulletin, BulletinListener } from '../../src/reconcile/bulletin.ts';
import { createReplicas } from '../../src/reconcile/replicas.ts';
import { MAX_SUSPENSIONS } from '../../src/reconcile/suspension.ts';
import { SILENCE_MS } from '../../src/reconcile/witnesses.ts';
import { type Proxy as Client, parseProxy } from '../../src/translate/index.ts';
import { createWorld } from '../governance/world.ts';
import { createFolder } from '../repository.ts';
import { quiet } from '../server.ts';
import { simulatedClock } from './clock.ts';
import { simulate } from './simulation.ts';

const service = (name: string, namespace = 's') =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: ${namespace} }\nspec: { ports: [{ name: http, port: 80 }] }\n`;

/** g ← a ← b ← c ← d; in c the child scope changes, in the others S. */
const world = createWorld({ threshold: 1 });
const g = world.add('g', { S: service('one'), C: service('child', 'c') });
const a = world.add('a', { parents: ['g'], S: service('two'), by: 'x' });
const b = world.add('b', { parents: ['a'], S: service('three'), by: 'y' });
world.add('proposed', { parents: ['b'], C: service('young', 'c'), by: 'x' });
const c = world.add('c', {
  parents: ['b', 'proposed'],
  S: service('four'),
  C: service('young', 'c'),
  by: 'y',
});
const d = world.add('d', { parents: ['c'], S: service('five'), by: 'x' });
/** From a on, another line: what was once shown to some, or is shown to them alone. */
const f = world.add('f', { parents: ['a'], S: service('forked'), by: 'y' });
const f2 = world.add('f2', { parents: ['f'], S: service('forked'), C: service('later', 'c'), by: 'x' });
const pin = await world.pin();
const { S } = world.uid;

const parsed = parseProxy('sidecar~10.0.0.1~web-1.s~s.svc.cluster.local', {});
if (!parsed.ok) throw new Error(parsed.reason);
const client: Client = parsed.proxy;

let folder: Awaited<ReturnType<typeof createFolder>>;
beforeEach(async () => {
  folder = await createFolder();
});
afterEach(() => folder.close());

/** From these tips on, S has another epoch than it has: what real bytes cannot do. */
function wrong(tips: readonly string[]): (line: Line) => Line {
  const real = new WeakMap<LineState, LineState>();
  const made = new WeakMap<LineState, LineState>();
  const otherwise = (state: LineState): LineState => {
    if (!tips.includes(state.tip)) return state;
    const scope = state.scopes.get(S) ?? expect.fail('no scope');
    const epoch = { ...scope.epoch, commit: 'f'.repeat(40) };
    const other = made.get(state) ?? { ...state, scopes: new Map(state.scopes).set(S, { ...scope, epoch }) };
    made.set(state, other);
    real.set(other, state);
    return other;
  };
  return (line) => ({
    ...line,
    async state(tip) {
      const verdict = await line.state(tip);
      return verdict.ok ? { ...verdict, state: otherwise(verdict.state) } : verdict;
    },
    scopes: (state) => line.scopes(real.get(state) ?? state),
    earlier: (state, scope) => line.earlier(real.get(state) ?? state, scope),
  });
}

/** A store to which these commits never came. */
function without(...absent: readonly string[]): Objects {
  return {
    ...world.objects,
    async commit(id) {
      if (absent.includes(id)) throw new Failure('object-missing', `commit ${id} is missing`, 'fetch it');
      return world.objects.commit(id);
    },
  };
}

/** What Redis is, in memory. */
function meetingPlace(clock: ReturnType<typeof simulatedClock>) {
  const listeners = new Set<BulletinListener>();
  const written = new Map<string, string>();
  const said: Announcement[] = [];
  let isThere = true;
  const there = () => {
    if (!isThere) throw new Failure('redis-unreachable', 'Redis is away', 'wait');
  };
  const bulletin = (): Bulletin => ({
    listen(listener) {
      listeners.add(listener);
      if (isThere) clock.after(0, listener.connected);
    },
    say(text) {
      if (!isThere) return;
      said.push(parseAnnouncement(text) ?? expect.fail(text));
      for (const { heard } of listeners) heard(text);
    },
    async write(name, text) {
      there();
      written.set(name, text);
    },
    async read(name, maxBytes) {
      there();
      const text = written.get(name) ?? null;
      return text === null || text.length > maxBytes ? null : text;
    },
    async timeMs() {
      there();
      return clock.now();
    },
  });
  const set = (now: boolean) => {
    isThere = now;
    if (now) for (const { connected } of listeners) connected();
  };
  return { bulletin, listeners, written, said, set };
}

function meet() {
  const clock = simulatedClock();
  const place = meetingPlace(clock);
  const start = async (name: string, derive?: (line: Line) => Line, objects = world.objects) => {
    const home = join(folder.dir, name);
    await mkdir(home, { recursive: true });
    const simulation = simulate({
      ...{ objects, pin, witness: join(home, 'witness.json'), clock },
      ...(derive === undefined ? {} : { derive }),
    });
    const { loop, queue } = simulation;
    const errors: string[] = [];
    const about: object[] = [];
    const hints: number[] = [];
    const hint = (repository: string, delayMs = 0) => {
      hints.push(delayMs);
      void queue.add(repository, delayMs);
    };
    const error = (facts: object, text: string) => {
      errors.push(text);
      about.push(facts);
    };
    const log = { ...quiet, error };
    const versions = (_: string, uid: string) => loop.versions(uid);
    const kinship = (_: string, commit: string) => loop.kinship(commit);
    const common = { clock, log, versions, kinship };
    const suspensions = await simulation.suspensions(join(home, 'suspend.json'));
    const replicas = createReplicas({
      ...{
        ...common,
        bulletin: place.bulletin(),
        suspensions,
        hint,
        redisFailure: () => null,
        learn: async () => {},
        isAway: false,
      },
      repositories: [{ name: 'mesh', genesis: g }],
    });
    simulation.keep(replicas);
    const started = replicas.start();
    await clock.advance(1);
    await started;
    const at = async (tip: string) => {
      simulation.offer(tip);
      await simulation.run();
    };
    const names = () =>
      [...simulation.served.snapshotFor(client).resources.values()].flatMap((of) => [...of.keys()]).join(' ');
    const reasons = (path?: string) => {
      const { conditions, scopes } = loop.status();
      const of =
        path === undefined ? conditions : (scopes.find((scope) => scope.path === path)?.conditions ?? []);
      return of.filter(({ type }) => type === 'Witnessed').map(({ status, reason }) => `${status} ${reason}`);
    };
    return { ...simulation, replicas, suspensions, at, names, reasons, errors, about, hints };
  };
  return { clock, place, start };
}

type Replica = Awaited<ReturnType<ReturnType<typeof meet>['start']>>;
const at = async (replicas: readonly Replica[], tip: string) => {
  for (const replica of replicas) await replica.at(tip);
};

test('where two derive something else, that scope alone stops on both, both say so, and it ends when they agree', async () => {
  const { clock, start } = meet();
  const both = [await start('one'), await start('other', wrong([b, c]))];
  await at(both, a);
  await clock.advance(5_000);
  for (const { reasons } of both) expect(reasons()).toEqual([]);
  await at(both, b);
  await clock.advance(5_000);
  for (const { reasons, errors, about, loop } of both) {
    expect([reasons(), reasons('s'), reasons('s.c')]).toEqual([
      ['False ReplicasDiffer'],
      ['False ReplicasDiffer'],
      [],
    ]);
    expect(errors).toHaveLength(1);
    expect(about).toMatchObject([{ repository: 'mesh', scopes: ['s'] }]);
    expect(loop.status().conditions[0]).toMatchObject({
      type: 'Ready',
      status: 'False',
      reason: 'ReplicasDiffer',
    });
  }
  await at(both, c);
  await clock.advance(5_000);
  for (const { names, loop } of both) {
    expect(names()).toContain('three'); // What was served stays, and nothing from before that.
    expect(names()).not.toContain('four');
    expect(names()).toContain('young');
    expect(loop.status().scopes.find(({ path }) => path === 's')?.sync).toBe('OutOfSync');
  }
  await at(both, d);
  await clock.advance(5_000);
  for (const { reasons, names } of both) {
    expect([reasons(), reasons('s')]).toEqual([[], []]);
    expect(names()).toContain('five');
  }
});

/** What takes a disk's time, however long. */
const waitFor = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 60_000 });

const DIFFER = ['False ReplicasDiffer'];
/** Runs what is due as time goes by. */
const pass = async (
  clock: ReturnType<typeof simulatedClock>,
  replicas: readonly Replica[],
  seconds: number,
) => {
  for (let second = 0; second < seconds; second += 5) {
    await clock.advance(5_000);
    for (const { queue } of replicas) await queue.drain();
  }
};

test('two that follow two lines say so, what contradicts stops alone, and it ends when nobody is elsewhere', async () => {
  const { clock, start } = meet();
  const both = [await start('one'), await start('other')] as const;
  const [one, other] = both;
  await at(both, a);
  await one.at(b);
  await other.at(f);
  await pass(clock, both, 10);
  for (const { reasons, errors, loop } of both) {
    expect([reasons(), reasons('s'), reasons('s.c')]).toEqual([DIFFER, DIFFER, []]);
    expect(errors.at(-1)).toBe('other replicas follow another line: these scopes stop changing');
    const { message } = loop.status().conditions.find(({ type }) => type === 'Witnessed') ?? expect.fail();
    expect(message).toMatch(/^other replicas \([0-9a-f]{32}\) follow another line: s$/);
  }
  await one.at(c);
  await pass(clock, both, 10);
  // What one of them changed since contradicts nothing that the other had.
  expect([one.names(), one.reasons('s'), one.reasons('s.c')]).toEqual([
    expect.stringMatching(/(?=.*three)(?=.*young)/),
    DIFFER,
    [],
  ]);
  other.replicas.close();
  await pass(clock, [one], 5);
  expect([one.reasons(), one.names()]).toEqual([[], expect.stringContaining('four')]);
  const third = await start('third');
  await third.at(c);
  await pass(clock, [one, third], 60);
  for (const { reasons } of [one, third]) expect(reasons()).toEqual([]);
});

test('a fork that only some were shown is found though nobody has the other line; while the remote is away nobody can know', async () => {
  const { clock, start } = meet();
  const both = [
    await start('one', undefined, without(f, f2)),
    await start('other', undefined, without(b, c, d)),
  ] as const;
  const [one, other] = both;
  await at(both, a);
  await one.at(b);
  one.unplug();
  await other.at(f);
  await pass(clock, both, 120);
  // What differs is known when both show it.
  expect([one.reasons(), other.reasons(), other.reasons('s')]).toEqual([[], DIFFER, []]);
  one.offer(b);
  await other.at(f2); // It goes on, and is still elsewhere.
  await pass(clock, both, 90);
  for (const { reasons } of both)
    expect([reasons(), reasons('s'), reasons('s.c')]).toEqual([DIFFER, DIFFER, []]);
});

test('who is only behind is on the same line, however long its remote lags, and so is who is ahead of it', async () => {
  const { clock, start } = meet();
  const both = [await start('one'), await start('late', undefined, world.objects)] as const;
  const [one, late] = both;
  await at(both, a);
  for (const [next, before] of [
    [b, a],
    [c, b],
    [d, c],
  ] as const) {
    one.offer(next);
    late.offer(before);
    await pass(clock, both, 45);
  }
  await one.at(d);
  late.unplug();
  await pass(clock, both, 600);
  for (const { reasons, errors } of both) expect([reasons(), errors]).toEqual([[], []]);
});

test('a remote that is a few seconds behind is no other line', async () => {
  const { clock, start } = meet();
  const hidden = new Set([b, c, d]);
  const young: Objects = {
    ...world.objects,
    commit: (id) => (hidden.has(id) ? without(id).commit(id) : world.objects.commit(id)),
  };
  const both = [await start('one'), await start('late', undefined, young)] as const;
  const [one, late] = both;
  await at(both, a);
  for (const next of [b, c, d]) {
    await one.at(next);
    await pass(clock, both, 25);
    hidden.delete(next);
    late.offer(next);
  }
  await pass(clock, both, 60);
  expect(late.loop.status().followedTip).toBe(d);
  for (const { reasons, errors } of both) expect([reasons(), errors]).toEqual([[], []]);
});

test('a replica that leaves, or is heard no more, holds nobody back', async () => {
  const { clock, place, start } = meet();
  const [one, other] = [await start('one'), await start('other', wrong([b]))];
  await at([one, other], b);
  await clock.advance(5_000);
  expect(one.reasons()).toEqual(['False ReplicasDiffer']);
  other.replicas.close();
  await clock.advance(1_000);
  expect(one.reasons()).toEqual([]);

  const third = await start('third', wrong([b]));
  await third.at(b);
  await clock.advance(5_000);
  expect(one.reasons()).toEqual(['False ReplicasDiffer']);
  place.set(false);
  await clock.advance(SILENCE_MS + 2_000);
  for (const { reasons } of [one, third]) expect(reasons()).toEqual([]);
  place.set(true);
  await clock.advance(5_000);
  for (const { reasons } of [one, third]) expect(reasons()).toEqual(['False ReplicasDiffer']);
});

test('who hears of a tip that it has not looks at the remote; of one that it has gone past it does not', async () => {
  const { clock, place, start } = meet();
  const [one, other] = [await start('one'), await start('other')];
  await at([one, other], a);
  other.offer(b);
  await one.at(b);
  await clock.advance(1_000);
  await other.queue.drain();
  expect(other.loop.status().followedTip).toBe(b);
  const hints = other.hints.length;
  const old = place.said.find(({ tip }) => tip === a) ?? expect.fail('nobody spoke of a');
  for (const { heard } of place.listeners) heard(JSON.stringify(old));
  expect(other.hints).toHaveLength(hints);
});

test('a flood of announcements makes no more work than so much, and true ones are heard after it', async () => {
  const { clock, place, start } = meet();
  const one = await start('one');
  await one.at(a);
  const own = place.said.at(-1) ?? expect.fail('nothing was said');
  const { hints } = one;
  hints.length = 0;
  const read = { times: 0 };
  const get = place.written.get.bind(place.written);
  place.written.get = (name) => {
    read.times += 1;
    return get(name);
  };
  for (let second = 0; second < 60; second++) {
    for (let at = 0; at < 1_000; at++) {
      const hex = (length: number) => (second * 1_000 + at + 1).toString(16).padStart(length, '0');
      const lie = {
        replica: hex(32),
        tip: at % 2 === 0 ? a : hex(40),
        digest: hex(64),
        suspensions: hex(64),
      };
      const text = JSON.stringify({ ...own, ...lie, scopes: 'shown' });
      for (const { heard } of place.listeners) heard(text);
    }
    await clock.advance(1_000);
  }
  expect(hints.length).toBeLessThan(30);
  expect(read.times).toBeLessThan(200);
  expect(one.loop.status().scopes.map(({ sync }) => sync)).toEqual(['Synced', 'Synced']);
  const other = await start('other');
  one.offer(b);
  await other.at(b);
  await clock.advance(5_000);
  await one.queue.drain();
  expect(one.names()).toContain('three');
});

const WHO = { repository: 'mesh', scope: null, reason: 'incident', by: 'ana', untilMs: null };

test('what one is told to stop the others know, and so does who comes later, or back', async () => {
  const { clock, place, start } = meet();
  const [one, other] = [await start('one'), await start('other')];
  await at([one, other], a);
  await one.replicas.suspend(WHO);
  const suspended = (replica: Replica) => replica.replicas.suspended('mesh')?.by ?? null;
  /** What takes a disk's time, while the clock goes on. */
  const become = (replica: Replica, by: string | null) =>
    waitFor(async () => {
      await clock.advance(1_000);
      expect(suspended(replica)).toBe(by);
    });
  await become(other, 'ana');
  place.written.clear();
  const third = await start('third');
  expect(suspended(third)).toBeNull();
  await become(third, 'ana');
  place.set(false);
  await one.replicas.resume(WHO);
  expect(suspended(other)).toBe('ana');
  place.set(true);
  await become(other, null);
  await become(third, null);
});

test('what ended long ago is in Redis no more, and keeps nobody asking', async () => {
  const { clock, place, start } = meet();
  const one = await start('one');
  await one.replicas.suspend(WHO);
  await one.replicas.resume(WHO);
  const [name, text] = await waitFor(() => {
    const found = [...place.written].find(([, text]) => text.includes('Resumed'));
    return found ?? expect.fail('nothing is told yet');
  });
  clock.set(31 * 24 * 3_600_000);
  const other = await start('other');
  expect(other.suspensions.all()).toEqual([]);
  await one.replicas.suspend({ ...WHO, scope: { uid: S, path: 's', digest: 'd'.repeat(64), seq: 1 } });
  await waitFor(async () => {
    await clock.advance(1_000);
    expect(place.written.get(name)).not.toBe(text);
    expect(other.suspensions.all()).toHaveLength(1);
  });
  expect(place.written.get(name)).not.toContain('Resumed');
});

test('a word from far ahead is not heard, and what is told here ends whatever was', async () => {
  const { clock, start } = meet();
  const one = await start('one');
  const made = await one.replicas.suspend(WHO);
  const year = 366 * 24 * 3_600_000;
  await one.suspensions.hear([{ ...made, atMs: 2 ** 51, id: 'a', state: 'Resumed' }]);
  expect(one.replicas.suspended('mesh')).not.toBeNull();
  await one.suspensions.hear([{ ...made, atMs: clock.now() + year, by: 'eve', id: 'b' }]);
  expect(one.replicas.suspended('mesh')).toMatchObject({ by: 'eve' });
  expect(await one.replicas.resume(WHO)).not.toBeNull();
  expect(one.replicas.suspended('mesh')).toBeNull();
  // What fills it leaves room for what is told here.
  const scope = { path: 's', digest: 'd'.repeat(64), seq: 1 };
  const many = Array.from({ length: MAX_SUSPENSIONS }, (_, at) => {
    const uid = at.toString(16).padStart(64, '0');
    return { ...made, scope: { ...scope, uid }, atMs: clock.now(), id: 'c' };
  });
  await one.suspensions.hear(many);
  expect(one.suspensions.all().length).toBeLessThan(MAX_SUSPENSIONS);
  await one.replicas.suspend(WHO);
  const restarted = await start('one');
  expect(restarted.replicas.suspended('mesh')).toMatchObject({ by: 'ana' });
});

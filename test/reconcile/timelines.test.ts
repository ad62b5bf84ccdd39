import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stages } from '../../src/pipeline.ts';
import type { ConditionType, RepositoryStatus } from '../../src/reconcile/status.ts';
import type { ProxyStatus } from '../../src/xds/index.ts';
import { createWorld } from '../governance/world.ts';
import { createFolder } from '../repository.ts';
import { simulate } from './simulation.ts';

/** Which revision is attempted, verified and applied; when a change passed each stage; since when a condition holds. */

const service = (name: string, namespace = 's') =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: ${namespace} }\nspec: { ports: [{ name: http, port: 80 }] }\n`;

const YEAR_MS = 365 * 24 * 3_600_000;

const world = createWorld({ threshold: 1 });
const genesis = world.add('g', { S: service('one'), C: service('child', 'c') });
const a = world.add('a', { parents: ['g'], S: service('two'), by: 'x' });
const b = world.add('b', { parents: ['a'], S: service('three'), by: 'x' });
const held = world.add('held', { parents: ['b'], S: service('evil') });
const broken = world.add('broken', {
  parents: ['a'],
  S: `${service('five')}---\nkind: Nonsense\n`,
  by: 'x',
});
const pin = await world.pin();

let folder: Awaited<ReturnType<typeof createFolder>>;
beforeEach(async () => {
  folder = await createFolder();
});
afterEach(() => folder.close());

function start(more: Partial<Parameters<typeof simulate>[0]> = {}) {
  const simulation = simulate({
    objects: world.objects,
    pin,
    witness: join(folder.dir, 'witness.json'),
    ...more,
  });
  const serve = async (...tips: readonly string[]) => {
    for (const tip of tips) {
      simulation.offer(tip);
      await simulation.run();
    }
    return simulation.loop.status();
  };
  return { ...simulation, serve };
}

const scopeOf = ({ scopes }: RepositoryStatus, wanted: 's' | 's.c') =>
  scopes.find(({ path }) => path === wanted);

function proxy(name: string, push: number, atMs: number): ProxyStatus {
  const about = { protocol: 'delta', services: 'ads', streams: 1, connectedAtMs: 0, revision: '' } as const;
  const nothing = { types: [], rejected: [], conditions: [] };
  return { id: name, proxy: name, ...about, fullyAcked: { revision: '', push, atMs }, ...nothing };
}

describe('revisions', () => {
  it('are one where all is well', async () => {
    const status = await start().serve(a);
    expect(status.revisions).toEqual({ attempted: a, verified: a, applied: a });
    expect(scopeOf(status, 's')?.revisions).toEqual({ attempted: a, verified: a, applied: a });
    // The child has not changed since.
    const [attempted, verified, applied] = [genesis, genesis, genesis];
    expect(scopeOf(status, 's.c')?.revisions).toEqual({ attempted, verified, applied });
  });

  it('of a held scope name what was attempted', async () => {
    const status = await start().serve(a, b, held);
    expect(scopeOf(status, 's')?.revisions).toEqual({ attempted: held, verified: b, applied: b });
    expect(scopeOf(status, 's')?.lastChange).toMatchObject({ event: 'held', commit: held });
  });

  it('of a scope with an error of its own name what is served instead', async () => {
    const status = await start().serve(broken);
    expect(scopeOf(status, 's')?.revisions).toEqual({ attempted: broken, verified: broken, applied: a });
  });

  it('name what is served while nothing newer can be built', async () => {
    const build: typeof stages.build = (resources) => {
      if (resources.some(({ scope }) => scope.uid === world.uid.S && scope.seq === 3)) throw new Error('bug');
      return stages.build(resources);
    };
    const status = await start({ stages: { ...stages, build } }).serve(a, b);
    expect(scopeOf(status, 's')?.revisions).toEqual({ attempted: b, verified: b, applied: a });
  });

  it('name nothing before the first', async () => {
    const { loop } = start();
    expect(loop.status()).toMatchObject({
      revisions: { attempted: null, verified: null, applied: null },
      timeline: null,
    });
  });
});

describe('the timeline', () => {
  it('is that of the last change of each scope', async () => {
    const { clock, serve, remote, run, setSessions, loop } = start();
    await serve(a);
    await clock.advance(1_000);
    const startedMs = clock.now();
    remote({
      async fetch() {
        await clock.advance(200);
        return b;
      },
    });
    await run();
    const pushedMs = clock.now();
    const change = () => scopeOf(loop.status(), 's')?.lastChange;
    const timeline = {
      revision: b,
      trace: '',
      startedMs,
      fetchedMs: startedMs + 200,
      verifiedMs: pushedMs,
      translatedMs: pushedMs,
      pushedMs,
      push: 2,
      ackedMs: null,
    };
    expect(change()).toEqual({ event: 'accepted', seq: 3, commit: b, timeline });
    expect(scopeOf(loop.status(), 's.c')?.lastChange.timeline).toMatchObject({ revision: a, push: 1 });
    setSessions([proxy('one', 2, pushedMs + 5), proxy('two', 1, pushedMs)]);
    expect(change()?.timeline?.ackedMs).toBeNull();
    await clock.advance(70);
    setSessions([proxy('one', 2, pushedMs + 5), proxy('two', 2, pushedMs + 60)]);
    expect(change()?.timeline?.ackedMs).toBe(pushedMs + 60);
    expect(loop.status().timeline).toEqual({ ...timeline, ackedMs: pushedMs + 60 });
  });

  it.each([
    ['back', -YEAR_MS],
    ['on', YEAR_MS],
  ])('has durations that are true while the clock is set %s by a year again and again', async (_, byMs) => {
    const { clock, serve, remote, run, setSessions, loop } = start();
    await serve(a);
    const startedMs = clock.now();
    remote({
      async fetch() {
        await clock.advance(200);
        clock.set(byMs);
        return b;
      },
    });
    await run();
    await clock.advance(70);
    clock.set(byMs);
    setSessions([proxy('one', 2, clock.steadyMs())]);
    const status = loop.status();
    expect(status.stages).toEqual({ fetchMs: 200, verifyMs: 0, translateMs: 0, ackMs: 70 });
    const times = [200, 200, 200, 200, 270].map((ms) => startedMs + byMs + ms);
    const [fetchedMs, verifiedMs, translatedMs, pushedMs, ackedMs] = times;
    const found = { trace: '', startedMs: startedMs + byMs, fetchedMs, verifiedMs };
    expect(status.timeline).toEqual({ revision: b, ...found, translatedMs, pushedMs, push: 2, ackedMs });
  });

  it('of what was superseded ends with the later push', async () => {
    const { serve, setSessions, loop, clock } = start();
    await serve(a);
    setSessions([proxy('one', 0, 0)]);
    await serve(b);
    expect(scopeOf(loop.status(), 's.c')?.lastChange.timeline).toMatchObject({ push: 1, ackedMs: null });
    setSessions([proxy('one', 2, clock.now())]);
    for (const path of ['s', 's.c'] as const)
      expect(scopeOf(loop.status(), path)?.lastChange.timeline?.ackedMs).toBe(clock.now());
  });

  it('begins anew after a restart, where nothing was fetched', async () => {
    const first = start();
    await first.serve(a);
    const again = start({ disk: first.disk });
    await again.loop.restore();
    const timeline = scopeOf(again.loop.status(), 's')?.lastChange.timeline;
    expect(timeline).toMatchObject({ revision: a, startedMs: null, verifiedMs: null, push: 1 });
  });
});

describe('a condition', () => {
  const since = (status: RepositoryStatus, wanted: ConditionType) =>
    scopeOf(status, 's')?.conditions.find(({ type }) => type === wanted)?.lastTransitionMs;

  it('says since when it has its status, whatever its reason and message say since', async () => {
    const { clock, serve, loop } = start();
    const verified = await serve(a);
    const atMs = clock.now();
    expect(since(verified, 'QuorumMet')).toBe(atMs);
    await clock.advance(1_000);
    expect(since(await serve(b), 'QuorumMet')).toBe(atMs);
    await serve(held);
    await clock.advance(1_000);
    // Nobody asked in between.
    expect(since(loop.status(), 'QuorumMet')).toBe(atMs + 1_000);
    expect(since(loop.status(), 'SourceVerified')).toBe(atMs);
  });

  it('has the moment of the last ACK, whoever asks later', async () => {
    const { clock, serve, setSessions, loop } = start();
    setSessions([proxy('one', 0, 0)]);
    await serve(a);
    await clock.advance(500);
    setSessions([proxy('one', 1, clock.now())]);
    const atMs = clock.now();
    await clock.advance(500);
    expect(since(loop.status(), 'Distributed')).toBe(atMs);
  });
});

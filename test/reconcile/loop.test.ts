import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Failure } from '../../src/base/failure.ts';
import type { Objects } from '../../src/git/index.ts';
import { formatVerification } from '../../src/governance/index.ts';
import { stages } from '../../src/pipeline.ts';
import type { ConditionType, RepositoryStatus } from '../../src/reconcile/status.ts';
import { type Proxy as Client, parseProxy } from '../../src/translate/index.ts';
import type { ProxyStatus } from '../../src/xds/index.ts';
import { createWorld } from '../governance/world.ts';
import { createFolder } from '../repository.ts';
import { unwatched } from '../server.ts';
import { FETCH_TIMEOUT_MS, POLL_MS, simulate } from './simulation.ts';

const service = (name: string, namespace = 's') =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: ${namespace} }\nspec: { ports: [{ name: http, port: 80 }] }\n`;

/** g ← a ← b on the main line; `fork` drops a; `held` is not signed. */
const world = createWorld({ threshold: 1 });
world.add('g', { S: service('one'), C: service('child', 'c') });
const a = world.add('a', { parents: ['g'], S: service('two'), by: 'x' });
const b = world.add('b', { parents: ['a'], S: service('three'), by: 'y' });
const fork = world.add('fork', { parents: ['g'], S: service('four'), by: 'x' });
const healed = world.add('healed', { parents: ['b', 'fork'], S: service('three') });
const held = world.add('held', { parents: ['a'], S: service('evil') });
const nonsense = '---\nkind: Nonsense\n';
const broken = world.add('broken', { parents: ['a'], S: service('five') + nonsense, by: 'x' });
const worse = world.add('worse', { parents: ['broken'], S: service('six') + nonsense + nonsense, by: 'y' });
const corrected = world.add('corrected', { parents: ['worse'], S: service('seven'), by: 'x' });
/** A repository that has had a mistake since its genesis. */
const adopted = createWorld({ threshold: 1 });
adopted.add('g', { S: service('one') + nonsense });
const adoptedTip = adopted.add('a', { parents: ['g'], S: service('two') + nonsense, by: 'x' });
const stranger = world.add('stranger', { S: service('other') });
const pin = await world.pin();

let folder: Awaited<ReturnType<typeof createFolder>>;
let witness: string;
beforeEach(async () => {
  folder = await createFolder();
  witness = join(folder.dir, 'witness.json');
});
afterEach(() => folder.close());

const start = (more: Partial<Parameters<typeof simulate>[0]> = {}) =>
  simulate({ objects: world.objects, pin, witness, ...more });
const YEAR_MS = 365 * 24 * 3_600_000;
const onDisk = async () => JSON.parse(await readFile(witness, 'utf8'));

function condition(status: RepositoryStatus, type: ConditionType, scope?: 's' | 's.c') {
  const of = scope === undefined ? status : status.scopes.find(({ path }) => path === scope);
  const { status: value, reason } = of?.conditions.find((condition) => condition.type === type) ?? {};
  return `${value} ${reason}`;
}

const scopeOf = (status: RepositoryStatus, path: 's' | 's.c') =>
  status.scopes.find((scope) => scope.path === path);

const parsed = parseProxy('sidecar~10.0.0.1~web-1.s~s.svc.cluster.local', {});
if (!parsed.ok) throw new Error(parsed.reason);
const client: Client = parsed.proxy;
const names = (simulation: ReturnType<typeof start>) =>
  [...simulation.served.snapshotFor(client).resources.values()].flatMap((of) => [...of.keys()]).join(' ');

const session = (proxy: string, more: Partial<ProxyStatus>): ProxyStatus => {
  const nothing = { revision: '', fullyAcked: null, types: [], rejected: [], conditions: [] };
  return {
    id: proxy,
    proxy,
    protocol: 'delta',
    services: 'ads',
    streams: 1,
    connectedAtMs: 0,
    ...nothing,
    ...more,
  };
};

describe('the loop', () => {
  it('serves what was verified, and writes the witness first', async () => {
    const { loop, offer, run, published, clock } = start();
    expect(condition(loop.status(), 'Ready')).toBe('Unknown Pending');
    offer(a);
    await run();
    await clock.advance(1_500);
    expect(published).toEqual([a]);
    const status = loop.status();
    expect(status).toMatchObject({
      followedTip: a,
      offeredTip: a,
      appliedRevision: a,
      refused: null,
      failure: null,
    });
    expect(status.fetch).toMatchObject({ ageMs: 1_500, failingSinceMs: null });
    expect(status.stages).toMatchObject({ fetchMs: 0, verifyMs: 0, translateMs: 0, ackMs: null });
    for (const type of [
      'Ready',
      'SourceVerified',
      'QuorumMet',
      'Valid',
      'Translated',
      'Distributed',
    ] as const) {
      expect(condition(status, type)).toMatch(/^True /);
    }
    expect(scopeOf(status, 's')).toMatchObject({
      seq: 2,
      sync: 'Synced',
      health: 'Healthy',
      verified: { ok: true },
    });
    expect(await onDisk()).toMatchObject({ tip: a, scopes: { [world.uid.S]: { seq: 2 } } });
  });

  it('is as fresh as the last tip that was judged and not refused, whatever the remote answers', async () => {
    const { loop, offer, unplug, run, clock, disk } = start();
    offer(a);
    await run();
    const ages: (number | null)[] = [];
    const meanwhile = async (happens: () => void) => {
      happens();
      await clock.advance(1_000);
      await run();
      ages.push(loop.status().fetch.ageMs);
    };
    await meanwhile(() => offer(stranger));
    await meanwhile(unplug);
    await meanwhile(() => {
      disk.fill('full');
      offer(b);
    });
    expect(ages).toEqual([1_000, 2_000, 3_000]);
    expect(loop.status()).toMatchObject({ failure: { stage: 'witness' }, fetch: { pollMs: POLL_MS } });
    // What is behind was judged, too: the condition says that it is.
    disk.fill('free');
    await meanwhile(() => offer(b));
    await meanwhile(() => offer(a));
    expect(ages.slice(3)).toEqual([0, 0]);
  });

  it('says how long ago it fetched, whatever the clock is set to', async () => {
    const { loop, offer, unplug, run, clock } = start();
    offer(a);
    await run();
    unplug();
    await clock.advance(2_000);
    clock.set(-365 * 24 * 3_600_000);
    expect(loop.status().fetch.ageMs).toBe(2_000);
  });

  it('polls, and does nothing where nothing changed', async () => {
    const { loop, offer, run, published, clock, queue } = start();
    offer(a);
    await run();
    for (let i = 0; i < 3; i++) await clock.advance(POLL_MS);
    expect(published).toEqual([a]);
    offer(b);
    await clock.advance(POLL_MS);
    await queue.drain();
    expect(published).toEqual([a, b]);
    expect(loop.status().followedTip).toBe(b);
  });

  it('judges and translates what was fetched anew where that is wanted, and puts no poll off', async () => {
    const { loop, offer, unplug, run, published, clock, queue } = start();
    offer(a);
    await run();
    offer(b);
    loop.want('judgement');
    await run();
    expect(published).toEqual([a, a]);
    loop.want('judgement');
    loop.want('source');
    loop.want('judgement');
    await run();
    expect(published).toEqual([a, a, b]);
    await clock.advance(POLL_MS / 2);
    loop.want('judgement');
    await run();
    expect(published).toEqual([a, a, b, b]);
    offer(a);
    await clock.advance(POLL_MS / 2);
    await queue.drain();
    expect(loop.status().offeredTip).toBe(a);
    unplug();
    await run();
    loop.want('judgement');
    await run();
    expect(loop.status().failure).toMatchObject({ stage: 'fetch', code: 'remote-unreachable' });
  });

  it('puts no poll off and brings none forward where the clock is set', async () => {
    const { loop, offer, run, published, clock, queue } = start();
    offer(a);
    await run();
    for (const byMs of [YEAR_MS, -2 * YEAR_MS]) {
      clock.set(byMs);
      await clock.advance(POLL_MS / 2);
      loop.want('judgement');
      await run();
      offer(published.at(-1) === a ? b : a);
      const { started } = loop.status().runs;
      await clock.advance(POLL_MS / 2 - 1);
      expect(loop.status().runs.started).toBe(started);
      await clock.advance(1);
      await queue.drain();
      expect(loop.status().runs.started).toBe(started + 1);
    }
  });

  it('reads manifests once per scope and digest', async () => {
    const reads: string[] = [];
    const read: typeof stages.read = (scope) => {
      reads.push(`${scope.path} ${scope.seq}`);
      return stages.read(scope);
    };
    const { offer, run } = start({ read });
    for (const tip of [a, a, b]) {
      offer(tip);
      await run();
    }
    expect(reads).toEqual(['s 2', 's.c 1', 's 3']);
  });

  it('keeps serving the accepted state of a held scope, and is ready', async () => {
    const { loop, offer, run } = start();
    offer(held);
    await run();
    const status = loop.status();
    expect(scopeOf(status, 's')).toMatchObject({
      seq: 2,
      sync: 'Held',
      health: 'Healthy',
      verified: { ok: false },
    });
    expect(scopeOf(status, 's.c')).toMatchObject({ seq: 1, sync: 'Synced' });
    expect(condition(status, 'QuorumMet', 's')).toBe('False Held');
    expect(condition(status, 'QuorumMet')).toBe('False Held');
    expect(condition(status, 'Ready')).toBe('True Ready');
  });

  it('serves what a scope said last without an error, as a whole, and the others as they are', async () => {
    const simulation = start();
    simulation.offer(broken);
    await simulation.run();
    const status = simulation.loop.status();
    expect(scopeOf(status, 's')?.problems).toMatchObject([{ code: 'FL2101', file: 'v.yaml', line: 6 }]);
    expect(scopeOf(status, 's')).toMatchObject({ seq: 3, sync: 'OutOfSync', health: 'Degraded' });
    expect(condition(status, 'Valid', 's')).toBe('False LastGoodServed');
    expect(scopeOf(status, 's')?.conditions.find(({ type }) => type === 'Valid')?.message).toBe(
      'seq 2 is served, because seq 3 has 1 error, the first FL2101 at v.yaml:6:1',
    );
    expect(scopeOf(status, 's.c')).toMatchObject({ health: 'Healthy', problems: [] });
    expect(condition(status, 'Valid', 's.c')).toBe('True NoErrors');
    expect(names(simulation)).toContain('two.s.svc');
    expect(names(simulation)).not.toContain('five.s.svc');
    expect(names(simulation)).toContain('child.c.svc');
  });

  it('serves the same whatever it has seen of the history, and the newest once it is corrected', async () => {
    const seen = [start(), start(), start()] as const;
    const offered = [[a, broken, worse], [broken, worse], [worse]] as const;
    for (const [index, simulation] of seen.entries()) {
      for (const tip of offered[index] ?? []) {
        simulation.offer(tip);
        await simulation.run();
      }
      expect(names(simulation)).toBe(names(seen[0]));
      expect(names(simulation)).toContain('two.s.svc');
      expect(names(simulation)).not.toContain('six.s.svc');
    }
    const [first] = seen;
    expect(scopeOf(first.loop.status(), 's')?.conditions.find(({ type }) => type === 'Valid')?.message).toBe(
      'seq 2 is served, because seq 4 has 2 errors, the first FL2101 at v.yaml:6:1',
    );
    first.offer(corrected);
    await first.run();
    expect(scopeOf(first.loop.status(), 's')).toMatchObject({
      seq: 5,
      sync: 'Synced',
      health: 'Healthy',
      problems: [],
    });
    expect(names(first)).toContain('seven.s.svc');
  });

  it('serves what is left of a scope that never was without an error', async () => {
    const simulation = simulate({ objects: adopted.objects, pin: await adopted.pin(), witness });
    simulation.offer(adoptedTip);
    await simulation.run();
    expect(scopeOf(simulation.loop.status(), 's')).toMatchObject({
      seq: 2,
      sync: 'Synced',
      health: 'Degraded',
    });
    expect(names(simulation)).toContain('two.s.svc');
  });
});

describe('following', () => {
  it('refuses a force-push, keeps the evidence, and heals by itself', async () => {
    const { loop, offer, run, published } = start();
    offer(b);
    await run();
    offer(fork);
    await run();
    await run();
    expect(loop.status()).toMatchObject({
      followedTip: b,
      offeredTip: fork,
      refused: { tip: fork, rule: 'G9' },
    });
    expect(condition(loop.status(), 'SourceVerified')).toBe('False Refused');
    expect(scopeOf(loop.status(), 's')).toMatchObject({ seq: 3, sync: 'Synced' });
    expect(await onDisk()).toMatchObject({ tip: b, refused: [{ tip: fork, rule: 'G9' }] });
    offer(healed);
    await run();
    expect(loop.status()).toMatchObject({ followedTip: healed, refused: null });
    expect(await onDisk()).toMatchObject({ tip: healed, refused: [{ tip: fork }] });
    expect(published).toEqual([b, healed]);
  });

  it('moves on to a tip that the pin trusts, and refuses whatever drops that', async () => {
    const first = start();
    first.offer(b);
    await first.run();
    const { loop, offer, run } = start({ pin: { ...pin, tip: fork } });
    await loop.restore();
    expect(loop.status()).toMatchObject({ followedTip: b });
    offer(a);
    await run();
    expect(loop.status()).toMatchObject({ followedTip: b, refused: { tip: a, rule: 'G9' } });
    offer(fork);
    await run();
    expect(loop.status()).toMatchObject({ followedTip: fork, refused: null });
    expect(scopeOf(loop.status(), 's')).toMatchObject({ seq: 2, sync: 'Synced' });
    offer(b);
    await run();
    expect(loop.status()).toMatchObject({ followedTip: fork, refused: { tip: b } });
  });

  it('begins with the tip that the pin trusts, and goes on from what was followed beyond it', async () => {
    const trusting = { pin: { ...pin, tip: a } };
    const fresh = start(trusting);
    fresh.offer(fork);
    await fresh.run();
    expect(fresh.loop.status()).toMatchObject({ followedTip: null, refused: { tip: fork } });
    fresh.offer(b);
    await fresh.run();
    const again = start(trusting);
    await again.loop.restore();
    again.offer(a);
    await again.run();
    expect(again.loop.status()).toMatchObject({ followedTip: b, refused: null });
  });

  it('ignores a tip that is behind, and says so', async () => {
    const { loop, offer, run, published } = start();
    for (const tip of [b, a]) {
      offer(tip);
      await run();
    }
    expect(published).toEqual([b]);
    expect(loop.status()).toMatchObject({ followedTip: b, offeredTip: a, refused: null });
    expect(condition(loop.status(), 'SourceVerified')).toBe('True Stale');
  });

  it('believes nothing of a line that does not come from the pin', async () => {
    const { loop, offer, run, published } = start();
    offer(stranger);
    await run();
    expect(published).toEqual([]);
    expect(loop.state()).toBeNull();
    expect(condition(loop.status(), 'Ready')).toBe('False Refused');
  });

  it('has no verdict where an object is missing, and goes on when it is there', async () => {
    let missing: string | null = b;
    const objects: Objects = {
      ...world.objects,
      commit: async (id) => {
        if (id === missing) throw new Failure('object-missing', `${id} is missing`, 'fetch it');
        return world.objects.commit(id);
      },
    };
    const { loop, offer, run, published, clock, queue } = start({ objects });
    offer(a);
    await run();
    offer(b);
    await run();
    expect(loop.status()).toMatchObject({
      followedTip: a,
      refused: null,
      failure: { code: 'object-missing' },
    });
    missing = null;
    await clock.advance(1_000);
    await queue.drain();
    expect(published).toEqual([a, b]);
    expect(loop.status().failure).toBeNull();
  });
});

describe('a restart', () => {
  it('serves the last followed tip before any remote answers, and goes on without one', async () => {
    const before = start();
    before.offer(b);
    await before.run();
    const state = before.loop.state();
    const { loop, unplug, run, published, clock } = start();
    unplug();
    await loop.restore();
    expect(published).toEqual([b]);
    expect(formatVerification(loop.state() ?? expect.fail())).toBe(
      formatVerification(state ?? expect.fail()),
    );
    await run();
    const sinceMs = clock.now();
    await clock.advance(3_600_000);
    const status = loop.status();
    expect(status.fetch).toEqual({ lastOkMs: null, ageMs: null, failingSinceMs: sinceMs, pollMs: POLL_MS });
    expect(status.failure).toMatchObject({ stage: 'fetch', code: 'remote-unreachable', sinceMs });
    expect(condition(status, 'SourceVerified')).toBe('False FetchFailed');
    expect(scopeOf(status, 's')).toMatchObject({ seq: 3, sync: 'Synced' });
    expect(published).toEqual([b]);
  });

  it('still refuses what was refused before it', async () => {
    const before = start();
    before.offer(b);
    await before.run();
    const after = start();
    await after.loop.restore();
    after.offer(fork);
    await after.run();
    expect(after.published).toEqual([b]);
    expect(after.loop.status().refused?.tip).toBe(fork);
  });

  it('never goes back behind what was served, wherever the machine died', async () => {
    for (let step = 1; step <= 5; step++) {
      const file = `${witness}.${step}`;
      const before = start({ witness: file });
      before.offer(a);
      await before.run();
      before.offer(b);
      before.disk.dieAt(step);
      await before.run();
      const after = start({ witness: file });
      await after.loop.restore();
      after.offer(a);
      await after.run();
      if (before.published.includes(b)) expect(after.published).toEqual([b]);
      else expect([[a], [b]]).toContainEqual(after.published);
    }
  });

  it('asks the operator where the witness is corrupt, or not what is derived', async () => {
    const before = start();
    before.offer(b);
    await before.run();
    const whole = await onDisk();
    await writeFile(witness, JSON.stringify(whole).slice(0, 90));
    await expect(start().loop.restore()).rejects.toMatchObject({ code: 'witness-corrupt' });
    const scopes = { ...whole.scopes, [world.uid.S]: { ...whole.scopes[world.uid.S], seq: 9 } };
    await writeFile(witness, JSON.stringify({ ...whole, scopes }));
    const after = start();
    await expect(after.loop.restore()).rejects.toMatchObject({ code: 'witness-mismatch' });
    expect(after.published).toEqual([]);
  });

  it.each([
    ['cut off', 'witness-corrupt', (text: string) => text.slice(0, 90)],
    ['empty', 'witness-corrupt', () => ''],
    ['another’s', 'witness-mismatch', (text: string) => text.replace('"mesh"', '"other"')],
    ['not what is derived', 'witness-mismatch', (text: string) => text.replace('"seq":3', '"seq":9')],
  ])('follows and serves nothing, run after run, while its witness is %s', async (_, code, damage) => {
    const before = start();
    before.offer(a);
    await before.run();
    before.offer(b);
    await before.run();
    const whole = await readFile(witness, 'utf8');
    expect(damage(whole)).not.toBe(whole);
    await writeFile(witness, damage(whole));
    const { loop, offer, run, published, clock } = start();
    await expect(loop.restore()).rejects.toMatchObject({ code });
    expect(loop.status()).toMatchObject({ appliedRevision: null, failure: { code, stage: 'restore' } });
    for (const tip of [b, a, fork]) {
      offer(tip);
      loop.want(tip === a ? 'judgement' : 'source');
      await run();
      await clock.advance(POLL_MS);
      expect([published, loop.state()]).toEqual([[], null]);
      expect(loop.status()).toMatchObject({ appliedRevision: null, refused: null, failure: { code } });
      expect(condition(loop.status(), 'Ready')).toMatch(/ Failed$/);
      expect(await readFile(witness, 'utf8')).toBe(damage(whole));
    }
    await writeFile(witness, whole);
    await run();
    expect(published).toEqual([b]);
    expect(loop.status()).toMatchObject({ followedTip: b, failure: null, refused: { tip: fork } });
  });

  it('waits for the objects where the store is gone and the witness is not', async () => {
    const before = start();
    before.offer(a);
    await before.run();
    let gone = true;
    const objects: Objects = {
      ...world.objects,
      commit: async (id) => {
        if (gone) throw new Failure('object-missing', `${id} is missing`, 'fetch it');
        return world.objects.commit(id);
      },
    };
    const { loop, offer, run, published } = start({ objects });
    await loop.restore();
    expect(loop.status()).toMatchObject({
      followedTip: a,
      appliedRevision: null,
      failure: { code: 'object-missing' },
    });
    gone = false;
    offer(a);
    await run();
    expect(published).toEqual([a]);
  });
});

describe('the world', () => {
  it('does not wait for ever for a remote that says nothing', async () => {
    const { loop, offer, run, remote, clock, queue, published } = start();
    offer(a);
    await run();
    let aborted = false;
    remote({
      fetch: (signal) => {
        signal?.addEventListener('abort', () => {
          aborted = true;
        });
        return new Promise(() => {});
      },
    });
    await queue.add('mesh');
    await clock.advance(FETCH_TIMEOUT_MS);
    await queue.drain();
    expect(aborted).toBe(true);
    expect(loop.status()).toMatchObject({
      followedTip: a,
      failure: { stage: 'fetch', code: 'remote-timeout' },
    });
    offer(b);
    await clock.advance(1_000);
    await queue.drain();
    expect(published).toEqual([a, b]);
    expect(loop.status().fetch.failingSinceMs).toBeNull();
  });

  it('serves nothing new while the disk is full, says so, and tries again', async () => {
    const { loop, offer, run, disk, published, clock, queue } = start();
    offer(a);
    await run();
    disk.fill('full');
    offer(b);
    await run();
    expect(published).toEqual([a]);
    expect(loop.status()).toMatchObject({ followedTip: a, failure: { code: 'disk-full' } });
    expect(condition(loop.status(), 'SourceVerified')).toBe('False Failed');
    expect(scopeOf(loop.status(), 's')).toMatchObject({ seq: 2, sync: 'Synced' });
    disk.fill('free');
    await clock.advance(5_000);
    await queue.drain();
    expect(published).toEqual([a, b]);
    expect(await onDisk()).toMatchObject({ tip: b });
  });

  it.each(['disk-full', 'store-unusable'])('%s while it fetches is no remote that is away', async (code) => {
    const { loop, offer, remote, run } = start();
    offer(a);
    await run();
    remote({ fetch: () => Promise.reject(new Failure(code, 'it cannot be stored', 'make room')) });
    await run();
    expect(loop.status().failure).toMatchObject({ stage: 'fetch', code });
    expect(condition(loop.status(), 'SourceVerified')).toBe('False Failed');
  });

  it('knows what a restart would go on from, where the folder was not synced, and serves it once it is', async () => {
    const { loop, offer, run, disk, published } = start();
    offer(a);
    await run();
    disk.refuse('syncDirectory', 'data-unwritable');
    offer(b);
    await run();
    expect((await onDisk()).tip).toBe(b);
    await run(); // What may be lost with the machine's power is not taken for kept.
    expect(loop.status()).toMatchObject({ appliedRevision: a, failure: { code: 'data-unwritable' } });
    disk.refuse(null);
    offer(held); // It follows a, as b does: a restart would refuse it.
    await run();
    expect(loop.status()).toMatchObject({ refused: { tip: held, rule: 'G9' }, appliedRevision: b });
    expect(published).toEqual([a, b]);
    const restarted = start();
    await restarted.loop.restore();
    expect(restarted.published).toEqual([b]);
  });
});

describe('a scope that breaks a stage', () => {
  const breaksAt = (seq: number) => (scope: { path: string; seq: number }) =>
    scope.path === 's' && scope.seq === seq;

  it('keeps its last good resources when its manifests cannot be loaded; others go on', async () => {
    const breaks = breaksAt(3);
    const read: typeof stages.read = (scope) => {
      if (breaks(scope)) throw new Error('a bug in the reader');
      return stages.read(scope);
    };
    const simulation = start({ read });
    for (const tip of [a, b]) {
      simulation.offer(tip);
      await simulation.run();
    }
    const status = simulation.loop.status();
    expect(status.followedTip).toBe(b);
    expect(scopeOf(status, 's')).toMatchObject({ seq: 3, sync: 'OutOfSync', health: 'Degraded' });
    expect(condition(status, 'Valid', 's')).toBe('False LastGoodServed');
    expect(scopeOf(status, 's.c')).toMatchObject({ sync: 'Synced', health: 'Healthy' });
    expect(names(simulation)).toContain('two.s.svc');
  });

  it('keeps its last good resources when the mesh cannot be built with its new ones', async () => {
    const breaks = breaksAt(3);
    const build: typeof stages.build = (resources) => {
      if (resources.some(({ scope }) => breaks(scope))) throw new Error('a bug in the mesh');
      return stages.build(resources);
    };
    const simulation = start({ stages: { ...stages, build } });
    for (const tip of [a, b]) {
      simulation.offer(tip);
      await simulation.run();
    }
    const status = simulation.loop.status();
    expect(scopeOf(status, 's')).toMatchObject({ sync: 'OutOfSync', health: 'Degraded' });
    expect(scopeOf(status, 's.c')).toMatchObject({ sync: 'Synced', health: 'Healthy' });
    expect(simulation.loop.status().scopes).toBe(status.scopes);
    expect(names(simulation)).toContain('two.s.svc');
  });

  it('serves nothing of a mesh that cannot be built at all, and says so', async () => {
    const build = () => {
      throw new Error('a bug in the mesh');
    };
    const { loop, offer, run, published } = start({ stages: { ...stages, build } });
    offer(a);
    await run();
    expect(published).toEqual([]);
    expect(condition(loop.status(), 'Translated')).toBe('False BuildFailed');
    expect(condition(loop.status(), 'Ready')).toMatch(/^False/);
  });

  it('leaves a proxy its last snapshot when no new one can be made', async () => {
    let bug = false;
    const translate: typeof stages.translate = (...input) => {
      if (bug) throw new Error('a bug in the translator');
      return stages.translate(...input);
    };
    const simulation = start({ stages: { ...stages, translate } });
    expect(() => simulation.served.snapshotFor(client)).toThrow(Failure);
    simulation.offer(a);
    await simulation.run();
    const before = simulation.served.snapshotFor(client);
    bug = true;
    simulation.setSessions([session(client.id, {})]);
    expect(simulation.served.snapshotFor(client)).toBe(before);
    expect(condition(simulation.loop.status(), 'Translated')).toBe('False TranslateFailed');
    expect(() => simulation.served.snapshotFor({ ...client, id: 'new' })).toThrow('a bug');
  });
});

describe('distribution', () => {
  const stale = [
    {
      typeUrl: 't',
      state: 'STALE' as const,
      sent: '1',
      acked: '',
      version: '',
      resources: 0,
      unansweredSinceMs: 1,
    },
  ];

  it('counts no run whose proxies have all left, whoever comes later', async () => {
    let acked = 0;
    const observer = {
      began: () => ({
        ...unwatched.began('mesh'),
        acked() {
          acked += 1;
        },
      }),
    };
    const { offer, run, setSessions } = start({ observer });
    const at = (push: number) => ({ fullyAcked: { revision: a, push, atMs: 5 } });
    offer(a);
    setSessions([session('one', {})]);
    await run();
    setSessions([]);
    setSessions([session('new', at(1))]);
    expect(acked).toBe(0);
    offer(b);
    await run();
    setSessions([session('new', at(2))]);
    expect(acked).toBe(1);
  });

  it('measures from the push to the last ACK', async () => {
    const { loop, offer, run, setSessions, clock } = start();
    offer(a);
    await run();
    setSessions([session('one', { types: stale }), session('two', { types: stale })]);
    expect(condition(loop.status(), 'Distributed', 's')).toBe('Unknown Progressing');
    expect(scopeOf(loop.status(), 's')?.health).toBe('Progressing');
    await clock.advance(20);
    const one = session('one', { fullyAcked: { revision: a, push: 1, atMs: clock.now() } });
    setSessions([one, session('two', { types: stale })]);
    expect(loop.status().stages.ackMs).toBeNull();
    await clock.advance(15);
    setSessions([one, session('two', { fullyAcked: { revision: a, push: 1, atMs: clock.now() } })]);
    await clock.advance(1_000);
    expect(loop.status().stages.ackMs).toBe(35);
    expect(condition(loop.status(), 'Distributed', 's')).toBe('True Acknowledged');
  });

  it('blames the scope whose resource was rejected, and no other', async () => {
    const { loop, offer, run, setSessions } = start();
    offer(a);
    await run();
    const source = { scope: 's', uid: world.uid.S, document: 'd', file: 'v.yaml', line: 1, column: 1 };
    const rejected = [{ typeUrl: 't', name: 'n', version: 'v', message: 'bad', sources: [source] }];
    setSessions([session('one', { rejected })]);
    const { scopes } = loop.status();
    expect(condition(loop.status(), 'Distributed', 's')).toBe('False Rejected');
    expect(scopeOf(loop.status(), 's')?.health).toBe('Degraded');
    expect(scopeOf(loop.status(), 's.c')?.health).toBe('Healthy');
    expect(condition(loop.status(), 'Ready')).toBe('False Rejected');
    setSessions([session('one', { rejected: [...rejected, ...rejected] })]);
    expect(loop.status().scopes).toBe(scopes);
    setSessions(['one', 'two'].map((proxy) => session(proxy, { rejected })));
    expect(loop.status().scopes).not.toBe(scopes);
  });
});

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Failure } from '../../src/base/failure.ts';
import type { Earlier, Line, VerifiedScope } from '../../src/governance/index.ts';
import { createBrake } from '../../src/reconcile/brake.ts';
import { createBackKeeper, type Kept } from '../../src/reconcile/kept.ts';
import { formatSuspensions, MAX_SCOPES, parseSuspensions } from '../../src/reconcile/suspension.ts';
import { type Proxy as Client, parseProxy } from '../../src/translate/index.ts';
import { createWorld } from '../governance/world.ts';
import { createFolder } from '../repository.ts';
import { POLL_MS, simulate } from './simulation.ts';

const service = (name: string, namespace = 's') =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: ${namespace} }\nspec: { ports: [{ name: http, port: 80 }] }\n`;

/** g ← a ← b; `broken` follows a, `held` is not signed. */
const world = createWorld({ threshold: 1 });
world.add('g', { S: service('one'), C: service('child', 'c') });
const a = world.add('a', { parents: ['g'], S: service('two'), by: 'x' });
world.add('proposed', { parents: ['a'], C: service('young', 'c'), by: 'x' });
world.add('young', { parents: ['a', 'proposed'], C: service('young', 'c'), by: 'y' });
const b = world.add('b', { parents: ['young'], S: service('three'), by: 'y' });
const held = world.add('held', { parents: ['a'], S: service('evil') });
const broken = world.add('broken', { parents: ['a'], S: `${service('five')}---\nkind: Nonsense\n`, by: 'x' });
const pin = await world.pin();

let folder: Awaited<ReturnType<typeof createFolder>>;
let file: string;
beforeEach(async () => {
  folder = await createFolder();
  file = join(folder.dir, 'suspend.json');
});
afterEach(() => folder.close());

async function start(derive?: (line: Line) => Line) {
  const witness = join(folder.dir, 'witness.json');
  const more = derive === undefined ? {} : { derive };
  const simulation = simulate({ objects: world.objects, pin, witness, ...more });
  const suspensions = await simulation.suspensions(file);
  const at = async (tip: string) => {
    simulation.offer(tip);
    await simulation.run();
  };
  const names = () =>
    [...simulation.served.snapshotFor(client).resources.values()].flatMap((of) => [...of.keys()]).join(' ');
  const scope = (path: string) => simulation.loop.status().scopes.find((each) => each.path === path);
  return { ...simulation, suspensions, at, names, scope };
}

const parsed = parseProxy('sidecar~10.0.0.1~web-1.s~s.svc.cluster.local', {});
if (!parsed.ok) throw new Error(parsed.reason);
const client: Client = parsed.proxy;

const WHO = { repository: 'mesh', reason: 'incident 4711', by: 'ana', untilMs: null };
type Started = Awaited<ReturnType<typeof start>>;
async function stop({ loop, suspensions, queue }: Started, uid: string, untilMs: number | null = null) {
  const version = loop.versions(uid).at(-1) ?? expect.fail('nothing is served');
  const made = await suspensions.suspend({ ...WHO, untilMs, scope: { uid, path: 's', ...version } });
  await queue.drain();
  return made;
}
const conditionsOf = (conditions: readonly { type: string; reason: string; message: string }[] = []) =>
  conditions.filter(({ type }) => type === 'Suspended').map(({ reason, message }) => `${reason}: ${message}`);

test('a suspended scope stays at its version, and others go on', async () => {
  const mesh = await start();
  await mesh.at(a);
  await stop(mesh, world.uid.S);
  expect(mesh.scope('s')).toMatchObject({
    sync: 'Synced',
    suspended: { by: 'ana', reason: 'incident 4711' },
  });
  await mesh.at(b);
  expect(mesh.names()).toContain('two');
  expect(mesh.names()).toContain('young');
  expect(mesh.names()).not.toContain('three');
  expect(mesh.scope('s')).toMatchObject({ sync: 'OutOfSync', seq: 3, health: 'Healthy' });
  expect(conditionsOf(mesh.scope('s')?.conditions)).toEqual([
    'Suspended: suspended by ana at 1970-01-01T00:16:40.000Z: incident 4711 (seq 2 is served, seq 3 is accepted)',
  ]);
  expect(conditionsOf(mesh.loop.status().conditions)).toEqual(['ScopesSuspended: suspended: s']);
  expect(mesh.loop.status().conditions[0]).toMatchObject({ type: 'Ready', reason: 'ScopesSuspended' });
  expect(conditionsOf(mesh.scope('s.c')?.conditions)).toEqual([]);

  await mesh.suspensions.resume({ ...WHO, scope: { uid: world.uid.S, path: 's', digest: a, seq: 1 } });
  await mesh.queue.drain();
  expect(mesh.names()).toContain('three');
  expect(mesh.scope('s')).toMatchObject({ sync: 'Synced', suspended: null });
});

test('the log says by name what is kept back, and what is served with its last good version', async () => {
  const mesh = await start();
  await mesh.at(a);
  const serving = () => mesh.logged.findLast(({ message }) => message === 'serving')?.fields;
  expect(serving()).toMatchObject({ revision: a, outOfSync: [] });
  await mesh.at(broken);
  expect(serving()).toMatchObject({ revision: broken, outOfSync: ['s'] });
  await stop(mesh, world.uid.S);
  expect(serving()).toMatchObject({ kept: ['s'] });
  const told = (what: string) => mesh.logged.findLast(({ message }) => message === what)?.fields;
  expect(told('suspended')).toMatchObject({ repository: 'mesh', scope: 's', uid: world.uid.S, by: 'ana' });
  await mesh.suspensions.resume({ ...WHO, scope: { uid: world.uid.S, path: 's', digest: a, seq: 1 } });
  expect(told('resumed')).toMatchObject({ repository: 'mesh', scope: 's', uid: world.uid.S });
});

test('after a restart it is still there, from its lineage, before the remote answers', async () => {
  const before = await start();
  await before.at(a);
  await stop(before, world.uid.S);
  await before.at(b);
  const after = await start();
  await after.loop.restore();
  expect(after.names()).toContain('two');
  expect(after.scope('s')?.sync).toBe('OutOfSync');
});

test('a hold is never hidden, and says what is served', async () => {
  const mesh = await start();
  await mesh.at(a);
  await stop(mesh, world.uid.S);
  await mesh.at(held);
  expect(mesh.scope('s')).toMatchObject({ sync: 'Held', verified: { ok: false }, suspended: { by: 'ana' } });
  const quorum = mesh.scope('s')?.conditions.find(({ type }) => type === 'QuorumMet');
  expect(quorum).toMatchObject({ status: 'False', message: expect.stringContaining('seq 2 is served') });
});

test('what was served because of an error stays served, and nothing newer comes in its place', async () => {
  const mesh = await start();
  await mesh.at(broken);
  expect(mesh.names()).toContain('two');
  await stop(mesh, world.uid.S);
  expect(mesh.names()).toContain('two');
  const valid = mesh.scope('s')?.conditions.find(({ type }) => type === 'Valid');
  expect(valid).toMatchObject({ status: 'False', reason: 'LastGoodServed' });
});

test('of a suspended repository nothing is fetched, and nothing changes', async () => {
  const mesh = await start();
  await mesh.at(a);
  await mesh.suspensions.suspend({ ...WHO, scope: null });
  let fetches = 0;
  const fetch = async () => {
    fetches += 1;
    return b;
  };
  mesh.remote({ fetch });
  await mesh.run();
  await mesh.clock.advance(2 * POLL_MS);
  expect(fetches).toBe(0);
  expect(mesh.loop.status()).toMatchObject({ followedTip: a, suspended: { reason: 'incident 4711' } });
  expect(mesh.loop.status().conditions[0]).toMatchObject({
    type: 'Ready',
    status: 'True',
    reason: 'Suspended',
  });
  await mesh.suspensions.resume({ ...WHO, scope: null });
  await mesh.queue.drain();
  expect(mesh.loop.status()).toMatchObject({ followedTip: b, suspended: null });
});

test('what was fetched while it was being suspended is not followed', async () => {
  const mesh = await start();
  await mesh.at(a);
  mesh.remote({
    async fetch() {
      await mesh.suspensions.suspend({ ...WHO, scope: null });
      return b;
    },
  });
  await mesh.run();
  expect(mesh.loop.status()).toMatchObject({ followedTip: a, appliedRevision: a });
});

test('when suspending is answered nothing changes any more: what was on its way has come', async () => {
  const inside = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const derive = (line: Line): Line => ({
    ...line,
    async scopes(state) {
      if (state.tip === b) {
        inside.resolve();
        await gate.promise;
      }
      return line.scopes(state);
    },
  });
  const mesh = await start(derive);
  await mesh.at(a);
  mesh.offer(b);
  const running = mesh.run();
  await inside.promise;
  const { loop, suspensions } = mesh;
  const brake = createBrake({ loops: new Map([['mesh', loop]]), suspensions });
  const answered = brake
    .suspend({ ...WHO, name: 'mesh', forMs: null })
    .then(() => [loop.status().appliedRevision, mesh.published.length]);
  await expect.poll(() => suspensions.suspended('mesh')).not.toBeNull();
  gate.resolve();
  await running;
  expect(await answered).toEqual([b, mesh.published.length]);
});

test('a name that a repository and a scope have is refused with both ways to say it', async () => {
  const { loop, suspensions, at } = await start();
  await at(a);
  const brake = createBrake({ loops: new Map([['s', loop]]), suspensions });
  expect(await brake.resume({ name: 's', reason: 'over', by: 'ana' })).toEqual({
    code: 'target-ambiguous',
    message: 's may be several',
    fix: 'name one of: repository/s, scope/s',
  });
});

test('what is let go, and what ends by itself, goes on while the remote is away', async () => {
  const mesh = await start();
  await mesh.at(a);
  await stop(mesh, world.uid.S);
  await mesh.at(b);
  mesh.unplug();
  await mesh.run();
  await mesh.suspensions.resume({ ...WHO, scope: { uid: world.uid.S, path: 's', digest: a, seq: 1 } });
  await mesh.queue.drain();
  expect(mesh.names()).toContain('three');
  expect(mesh.loop.status().failure).toMatchObject({ stage: 'fetch' });
});

test('who is let go and stopped again before that was served stays where it is', async () => {
  const [inside, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const gated = { isOn: false };
  const derive = (line: Line): Line => ({
    ...line,
    async scopes(state) {
      if (gated.isOn) {
        inside.resolve();
        await gate.promise;
      }
      return line.scopes(state);
    },
  });
  const mesh = await start(derive);
  await mesh.at(a);
  await stop(mesh, world.uid.S);
  await mesh.at(b);
  const seen: string[] = [];
  const fetch = async () => {
    seen.push(mesh.names());
    return b;
  };
  mesh.remote({ fetch });
  gated.isOn = true;
  await mesh.suspensions.resume({ ...WHO, scope: { uid: world.uid.S, path: 's', digest: a, seq: 1 } });
  const drained = mesh.queue.drain();
  await inside.promise;
  const version = mesh.loop.versions(world.uid.S).at(-1) ?? expect.fail('nothing is served');
  await mesh.suspensions.suspend({ ...WHO, scope: { uid: world.uid.S, path: 's', ...version } });
  gate.resolve();
  await drained;
  await mesh.queue.drain();
  for (const names of [...seen, mesh.names()]) expect(names).not.toContain('three');
  expect(seen).not.toEqual([]);
  expect(mesh.scope('s')).toMatchObject({ sync: 'OutOfSync', suspended: { by: 'ana' } });
});

test('what is let go serves at once, and fetches what was missed', async () => {
  const mesh = await start();
  await mesh.at(a);
  await stop(mesh, world.uid.S);
  mesh.offer(b);
  await mesh.suspensions.resume({ ...WHO, scope: { uid: world.uid.S, path: 's', digest: a, seq: 1 } });
  await mesh.queue.drain();
  expect(mesh.loop.status()).toMatchObject({ followedTip: b, appliedRevision: b });
});

test('what cannot be served anew keeps nobody from fetching', async () => {
  let isAway = false;
  const derive = (line: Line): Line => ({
    ...line,
    async scopes(state) {
      if (isAway && state.tip === a) throw new Failure('git-object-missing', 'it is gone', 'fetch');
      return line.scopes(state);
    },
  });
  const mesh = await start(derive);
  await mesh.at(a);
  await stop(mesh, world.uid.S);
  isAway = true;
  mesh.offer(b);
  await mesh.suspensions.resume({ ...WHO, scope: { uid: world.uid.S, path: 's', digest: a, seq: 1 } });
  await mesh.queue.drain();
  expect(mesh.loop.status()).toMatchObject({ appliedRevision: b, failure: null });
  expect(mesh.names()).toContain('three');
});

test('of a suspended repository no failure is said that nobody would find ended', async () => {
  const mesh = await start();
  await mesh.at(a);
  mesh.unplug();
  await mesh.run();
  expect(mesh.loop.status().failure).toMatchObject({ stage: 'fetch' });
  await mesh.suspensions.suspend({ ...WHO, scope: null });
  await mesh.queue.drain();
  const { failure, fetch, conditions } = mesh.loop.status();
  expect([failure, fetch.failingSinceMs, conditions[0]?.status]).toEqual([null, null, 'True']);
});

test('it ends by itself', async () => {
  const mesh = await start();
  await mesh.at(a);
  await stop(mesh, world.uid.S, mesh.clock.now() + 5_000);
  await mesh.at(b);
  await mesh.clock.advance(4_999);
  expect(mesh.names()).not.toContain('three');
  await mesh.clock.advance(1);
  await mesh.queue.drain();
  expect(mesh.names()).toContain('three');
  expect(mesh.logged).toContainEqual(
    expect.objectContaining({ level: 'warn', message: 'its time is over: no longer suspended' }),
  );
  expect(mesh.told).toEqual(['suspended by ana', 'over by ana']);
});

test('who sets the clock of a machine is heard; what was over too early is suspended again, and nothing goes back', async () => {
  const mesh = await start();
  await mesh.at(a);
  await stop(mesh, world.uid.S, mesh.clock.now() + 3_600_000);
  await mesh.at(b);
  mesh.clock.set(7_200_000);
  await mesh.clock.advance(60_000);
  await mesh.queue.drain();
  expect(mesh.names()).toContain('three');
  mesh.clock.set(-7_200_000);
  await mesh.clock.advance(60_000);
  await expect.poll(() => readFile(file, 'utf8')).toContain('"seq": 3');
  await mesh.queue.drain();
  expect(mesh.told).toEqual(['suspended by ana', 'over by ana', 'suspended by ana']);
  expect(mesh.logged).toContainEqual(
    expect.objectContaining({ level: 'warn', message: 'its time is not over: suspended again' }),
  );
  expect(mesh.names()).toContain('three');
  expect(conditionsOf(mesh.scope('s')?.conditions)[0]).toContain('seq 3 is served, and is the newest');
});

test('a version that was never accepted is not served: what is served stays, and where nothing is, the newest', async () => {
  const mesh = await start();
  await mesh.at(a);
  const scope = { uid: world.uid.S, path: 's', digest: 'f'.repeat(64), seq: 9 };
  await mesh.suspensions.suspend({ ...WHO, scope });
  await mesh.at(b);
  expect(mesh.names()).toContain('two');
  expect(conditionsOf(mesh.scope('s')?.conditions)[0]).toContain('served from memory');
  const fresh = await start();
  await fresh.at(b);
  expect(fresh.names()).toContain('three');
  expect(conditionsOf(fresh.scope('s')?.conditions)[0]).toMatch(/^VersionLost: .*seq 9 is nowhere any more/);
  expect(fresh.logged.find(({ level }) => level === 'error')?.fields).toMatchObject({ scope: 's' });
});

test('a peer stops a scope where it is, never at an older version', async () => {
  const mesh = await start();
  await mesh.at(a);
  const [old] = mesh.loop.versions(world.uid.S);
  const scope = { uid: world.uid.S, path: 's', ...(old ?? expect.fail('no version')) };
  const heard = { ...WHO, scope, state: 'Suspended' as const, atMs: 5, id: 'a' };
  await mesh.suspensions.hear([heard]);
  await mesh.at(b);
  expect(mesh.names()).toContain('two');
  await mesh.suspensions.hear([{ ...heard, state: 'Resumed', atMs: 4 }]);
  expect(mesh.suspensions.kept('mesh').size).toBe(1);
  await mesh.suspensions.hear([{ ...heard, state: 'Resumed', id: 'b' }]);
  expect(mesh.suspensions.kept('mesh').size).toBe(0);
  expect(mesh.told).toEqual(['suspended by ana', 'resumed by ana']);
});

test('a file that is not whole keeps the server from starting', async () => {
  const mesh = await start();
  await mesh.at(a);
  await stop(mesh, world.uid.S);
  await writeFile(file, (await readFile(file, 'utf8')).slice(0, -5));
  await expect(start()).rejects.toMatchObject({ code: 'suspend-corrupt' });
});

test('where it cannot be written nothing is suspended', async () => {
  const mesh = await start();
  await mesh.at(a);
  mesh.disk.fill('full');
  await expect(stop(mesh, world.uid.S)).rejects.toMatchObject({ code: 'disk-full' });
  expect(mesh.suspensions.kept('mesh').size).toBe(0);
  mesh.disk.fill('free');
  await expect(stop(mesh, world.uid.S, mesh.clock.now())).rejects.toMatchObject({ code: 'suspend-past' });
});

const DAY_MS = 24 * 3_600_000;
const HEX = (at: number) => at.toString(16).padStart(64, '0');

test('what ended long ago takes no room, and repositories always have some', async () => {
  const mesh = await start();
  const version = { path: 's', digest: HEX(1), seq: 1 };
  const ended = Array.from({ length: MAX_SCOPES }, (_, at) => ({
    ...{ ...WHO, scope: { ...version, uid: HEX(at) } },
    ...{ state: 'Resumed' as const, atMs: mesh.clock.now(), id: 'a' },
  }));
  await writeFile(file, formatSuspensions(ended));
  const { clock, suspensions, disk } = await start();
  const one = { ...WHO, scope: { ...version, uid: HEX(MAX_SCOPES) } };
  await expect(suspensions.suspend(one)).rejects.toMatchObject({ code: 'suspend-full' });
  await suspensions.suspend({ ...WHO, scope: null });
  const heard = { state: 'Suspended' as const, atMs: clock.now(), id: 'a', scope: null };
  await suspensions.hear([{ ...WHO, ...heard, repository: 'other' }]);
  expect(suspensions.suspended('other')).not.toBeNull();
  clock.set(31 * DAY_MS);
  await suspensions.suspend(one);
  expect(suspensions.all().map(({ state }) => state)).toEqual(['Suspended', 'Suspended', 'Suspended']);
  await suspensions.hear(ended); // Who was away for longer says nothing new.
  expect(suspensions.all()).toHaveLength(3);
  expect(parseSuspensions((await disk.read(file)) ?? '')).toEqual(suspensions.all());
});

test('whatever the clock says, a word that ends what is in force is heard', async () => {
  const { clock, suspensions } = await start();
  const made = await suspensions.suspend({ ...WHO, scope: null });
  clock.set(366 * DAY_MS);
  await suspensions.hear([{ ...made, state: 'Resumed', atMs: made.atMs + 1 }]);
  expect(suspensions.suspended('mesh')).toBeNull();
});

test('old bytes have the place and the authority of now, and are read once', async () => {
  const scope = (digest: string, place: string) =>
    ({
      uid: 'u',
      path: place,
      directory: place,
      digest,
      seq: 1,
      owns: place,
      files: [digest],
    }) as unknown as VerifiedScope;
  let reads = 0;
  const earlier = (now: VerifiedScope): readonly Earlier[] =>
    ['b', 'a'].map((digest) => ({
      digest,
      read: async () => {
        reads += 1;
        return { ...now, digest } as unknown as VerifiedScope;
      },
    }));
  const kept = new Map<string, Kept>([['u', { digest: 'b', seq: 2, suspension: null, replicas: [] }]]);
  const keep = createBackKeeper();
  const moved = scope('c', 'moved');
  for (let i = 0; i < 2; i++) {
    const back = await keep([moved], kept, earlier, () => null);
    expect(back.scopes).toMatchObject([{ digest: 'b', directory: 'moved', owns: 'moved' }]);
    expect([...back.earlier(moved)].map(({ digest }) => digest)).toEqual(['a']);
  }
  expect(reads).toBe(1);
  const gone = await keep([], kept, earlier, () => null);
  expect([gone.scopes, gone.kept.size]).toEqual([[], 0]);
  const memory = await keep(
    [moved],
    kept,
    () => [],
    () => scope('b', 'before'),
  );
  expect(memory.scopes).toMatchObject([{ digest: 'b', directory: 'moved', owns: 'moved', files: ['b'] }]);
});

import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { must } from '../src/base/must.ts';
import type { ServerConfig } from '../src/config.ts';
import { createServer, type Server, type World } from '../src/main.ts';
import { type Announcement, parseAnnouncement } from '../src/reconcile/announcement.ts';
import { createHome } from './cli/fairlead.ts';
import { startRedis, type TestRedis } from './redis.ts';
import { ask, createSite, hint, operator, quiet, type Site, world } from './server.ts';

type Condition = {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
};
type Repository = {
  readonly followedTip: string | null;
  readonly runs: { readonly finished: number };
  readonly appliedRevision: string | null;
  readonly suspended: { readonly by: string } | null;
  readonly conditions: readonly Condition[];
};
type Scope = Repository & {
  readonly path: string;
  readonly uid: string;
  readonly seq: number;
  readonly sync: string;
};
type Items<T> = { readonly items: readonly T[] };

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

const waitFor = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 60_000, interval: 20 });

type Meeting = { readonly site: Site; readonly redis: TestRedis };

async function meeting(): Promise<Meeting> {
  const [site, redis] = await Promise.all([createSite(), startRedis()]);
  cleanup.push(site.close, redis.close);
  return { site, redis };
}

const configs = new WeakMap<Server, ServerConfig>();

/** A replica with a data folder of its own. */
async function replica(
  { site, redis }: Meeting,
  name: string,
  more: Partial<World> = {},
  remote = site.repository.dir,
): Promise<Server> {
  const dataDir = join(site.folder, name);
  await mkdir(dataDir, { recursive: true });
  const server = { host: '127.0.0.1', port: redis.port, db: 0, tls: false };
  const repositories = site.config.repositories.map((about) => ({ ...about, repository: remote }));
  const config: ServerConfig = { ...site.config, dataDir, repositories, redis: server };
  const made = await createServer(config, { ...world, ...more });
  configs.set(made, config);
  cleanup.push(made.close);
  return made;
}

const READY = '/readyz';
const readyMessage = (server: Server, wanted: RegExp) =>
  ask<{ message: string }>(server.httpPort, READY, ({ message }) => wanted.test(message));
const together = (server: Server) => readyMessage(server, /^(?!.*without Redis)/);
const serving = (server: Server, tip: string) =>
  ask<Items<Repository>>(
    server.httpPort,
    '/api/v1/repositories',
    ({ items }) => items[0]?.appliedRevision === tip,
  );
const scope = async (server: Server, accept: (scope: Scope) => boolean) => {
  const isSo = ({ items: [first] }: Items<Scope>) => first !== undefined && accept(first);
  const { items } = await ask<Items<Scope>>(server.httpPort, '/api/v1/scopes', isSo);
  return items[0] as Scope;
};

/** As an operator sees it, on lines of any length. */
async function status(server: Server) {
  const ran = await fairlead(server, 'status');
  return { ...ran, out: ran.out.replaceAll(/\s+/g, ' ') };
}

async function fairlead(server: Server, ...args: readonly string[]) {
  const home = await createHome();
  cleanup.push(home.close);
  return home.fairlead('.', ...args, '--server', `http://127.0.0.1:${server.httpPort}`);
}

/** Where remotes differ, a hint may be taken by the replica that finds nothing. */
const hintUntil = (server: Server, tip: string) =>
  vi.waitFor(
    async () => {
      await hint(server.httpPort);
      const { items } = await ask<Items<Repository>>(server.httpPort, '/api/v1/repositories');
      expect(items[0]?.appliedRevision).toBe(tip);
    },
    { timeout: 60_000, interval: 300 },
  );

/** As `fairlead suspend` and `resume` ask. */
async function brake(server: Server, act: 'suspend' | 'resume', name: string, more = ''): Promise<number> {
  const query = `reason=${act === 'suspend' ? 'incident' : 'over'}&by=ana${more}`;
  const url = `http://127.0.0.1:${server.httpPort}/operator/v1/${act}/${name}?${query}`;
  const headers = await operator(must(configs.get(server)));
  return (await fetch(url, { method: 'POST', headers })).status;
}

/** Until a moment so far away, which it gives: or further, where this machine takes longer to ask. */
async function suspendShortly(server: Server, forMs: number): Promise<number> {
  const untilMs = Date.now() + forMs;
  const status = await brake(server, 'suspend', 'acme', `&untilMs=${untilMs}`);
  if (status === 200) return untilMs;
  expect([status, Date.now() >= untilMs]).toEqual([409, true]);
  return suspendShortly(server, 2 * forMs);
}

it('one hook is heard by all; one that dies, and Redis that goes and comes back, stop nobody', async () => {
  const meet = await meeting();
  const { site, redis } = meet;
  const [one, other] = [await replica(meet, 'one'), await replica(meet, 'other')];
  await Promise.all([together(one), together(other)]);
  const first = await site.change('first', 'alice');
  await hint(one.httpPort);
  await Promise.all([serving(one, first), serving(other, first)]);

  await redis.kill();
  await Promise.all([one, other].map((server) => readyMessage(server, /without Redis \(redis-unreachable/)));
  const alone = await site.change('alone', 'alice');
  for (const server of [one, other]) await hint(server.httpPort);
  await Promise.all([serving(one, alone), serving(other, alone)]);
  const { items } = await serving(one, alone);
  const said = items[0]?.conditions.find(({ type }) => type === 'Witnessed');
  expect(said).toMatchObject({ status: 'Unknown', reason: 'WithoutRedis' });
  expect(items[0]?.conditions[0]).toMatchObject({ type: 'Ready', status: 'True' });
  expect(await status(one)).toMatchObject({ code: 0, out: expect.stringContaining('without Redis') });

  await redis.start();
  await Promise.all([together(one), together(other)]);
  const again = await site.change('again', 'alice');
  await hint(other.httpPort);
  await Promise.all([serving(one, again), serving(other, again)]);

  await one.close();
  const last = await site.change('last', 'alice');
  await hint(other.httpPort);
  await serving(other, last);
});

it('what one is told to stop stops on all, whoever is away, restarts, or loses what it knew', async () => {
  const meet = await meeting();
  const { site, redis } = meet;
  let [one, other] = [await replica(meet, 'one'), await replica(meet, 'other')];
  const first = await site.change('first', 'alice');
  await Promise.all([together(one), together(other)]);
  await hint(one.httpPort);
  await Promise.all([serving(one, first), serving(other, first)]);
  expect(await brake(one, 'suspend', 'acme')).toBe(200);
  await scope(other, ({ suspended }) => suspended?.by === 'ana');

  const second = await site.change('second', 'alice');
  await hint(other.httpPort);
  await Promise.all([serving(one, second), serving(other, second)]);
  const kept = ({ sync, seq, suspended }: Scope) => sync === 'OutOfSync' && seq === 3 && suspended !== null;
  await Promise.all([scope(one, kept), scope(other, kept)]);

  // One that has nothing of its own hears it from Redis before it serves anything.
  await other.close();
  await rm(join(site.folder, 'other'), { recursive: true });
  other = await replica(meet, 'other');
  await serving(other, second);
  await scope(other, kept);
  await readyMessage(other, /suspended/);

  // Redis has lost it: those who know say it again.
  await redis.client().flushall();
  await one.close();
  one = await replica(meet, 'one');
  const names = () => redis.client().keys('fairlead:suspensions:*');
  await waitFor(async () => expect(await names()).toHaveLength(1));

  // What was resumed while it was away it hears when it comes back.
  await other.close();
  expect(await brake(one, 'resume', 'acme')).toBe(200);
  await scope(one, ({ sync }) => sync === 'Synced');
  other = await replica(meet, 'other');
  await scope(other, ({ sync, suspended }) => sync === 'Synced' && suspended === null);
});

/** A machine whose clock somebody has set wrongly. */
const skewed = (byMs: number): Partial<World> => ({
  clock: { ...world.clock, now: () => world.clock.now() + byMs },
});
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

it('until is one moment on all replicas, whatever their clocks say, who restarts, and while Redis is away', async () => {
  const meet = await meeting();
  const { site, redis } = meet;
  const ended: number[] = [];
  const log = {
    ...quiet,
    warn: (_: object, text: string) => void (text.includes('its time is over') && ended.push(Date.now())),
  };
  const late = { ...skewed(-HOUR_MS), log };
  const early = { ...skewed(YEAR_MS), log };
  const one = await replica(meet, 'one', late);
  let other = await replica(meet, 'other', early);
  const first = await site.change('first', 'alice');
  await Promise.all([together(one), together(other)]);
  await hint(one.httpPort);
  await Promise.all([serving(one, first), serving(other, first)]);
  const stopped = ({ items: [first] }: Items<Repository>) => first?.suspended?.by === 'ana';
  const isStopped = (server: Server) =>
    ask<Items<Repository>>(server.httpPort, '/api/v1/repositories', stopped);
  expect(await brake(one, 'suspend', 'mesh', `&forMs=${HOUR_MS}`)).toBe(200);
  await Promise.all([isStopped(one), isStopped(other)]);

  await redis.kill();
  await other.close();
  other = await replica(meet, 'other', early);
  expect((await isStopped(other)).items[0]?.suspended).toMatchObject({ reason: 'incident' });
  const why = ['--reason', 'alone', '--by', 'ben', '--until', '1h'];
  const alone = await fairlead(one, 'suspend', 'acme', ...why, '--data-dir', join(site.folder, 'one'));
  expect(alone).toMatchObject({ code: 0, err: expect.stringContaining('other replicas do not hear of it') });
  await redis.start();
  await Promise.all([together(one), together(other)]);
  await Promise.all([isStopped(one), isStopped(other)]);
  await scope(other, ({ suspended }) => suspended?.by === 'ben');
  expect(ended).toEqual([]);

  // Said by the one that is a year ahead, and over on both.
  const untilMs = await suspendShortly(other, 2_000);
  const isSeen = ({ suspended }: Scope) => suspended !== null || Date.now() >= untilMs;
  await Promise.all([scope(one, isSeen), scope(other, isSeen)]);
  const isOver = ({ suspended }: Scope) => suspended === null;
  await Promise.all([scope(one, isOver), scope(other, isOver)]);
  for (const atMs of [...ended, Date.now()]) expect(atMs).toBeGreaterThanOrEqual(untilMs);
  await Promise.all([isStopped(one), isStopped(other)]);
});

it('after a restart no word in Redis takes a scope back to what was served before', async () => {
  const meet = await meeting();
  const { site, redis } = meet;
  let one = await replica(meet, 'one');
  const first = await site.change('first', 'alice');
  await together(one);
  await hint(one.httpPort);
  await serving(one, first);
  expect(await brake(one, 'suspend', 'acme')).toBe(200);
  const client = redis.client();
  const told = await waitFor(async () => {
    const [name = ''] = await client.keys('fairlead:suspensions:*');
    const text = await client.get(name);
    return { name, text: text ?? expect.fail('nothing is told yet') };
  });
  expect(await brake(one, 'resume', 'acme')).toBe(200);
  const second = await site.change('second', 'alice');
  await hint(one.httpPort);
  await serving(one, second);
  await one.close();

  const list: { suspensions: object[] } = JSON.parse(told.text);
  const later = { by: 'eve', atMs: Date.now() + 60_000 };
  list.suspensions = list.suspensions.map((each) => ({ ...each, ...later }));
  await client.set(told.name, JSON.stringify(list));
  one = await replica(meet, 'one');
  const { sync } = await scope(one, ({ suspended }) => suspended?.by === 'eve');
  expect(sync).toBe('Synced');
});

/** What a server announces, and what it is told under another name. */
async function eavesdrop({ redis }: Meeting) {
  const [ear, mouth] = [redis.client(), redis.client()];
  const heard: Announcement[] = [];
  ear.on('message', (_channel, text) => {
    const said = parseAnnouncement(text);
    if (said !== null) heard.push(said);
  });
  await ear.subscribe('fairlead:announce');
  const say = (said: unknown) => mouth.publish('fairlead:announce', JSON.stringify(said));
  return { heard, say, mouth };
}

it('where another replica derives something else, exactly that scope stops, loudly, until they agree', async () => {
  const meet = await meeting();
  const { site } = meet;
  const errors: string[] = [];
  const log = { ...quiet, error: (_: object, text: string) => void errors.push(text) };
  const { heard, say, mouth } = await eavesdrop(meet);
  const one = await replica(meet, 'one', { log });
  await together(one);
  const first = await site.change('first', 'alice');
  await hint(one.httpPort);
  const { uid } = await scope(one, ({ seq }) => seq === 2);
  await waitFor(() => expect(heard.at(-1)?.tip).toBe(first));
  const own = heard.at(-1) as Announcement;

  const liar = { ...own, replica: 'f'.repeat(32) };
  const line = `2 ${'0'.repeat(40)} ${'0'.repeat(64)} Live`;
  const { createHash } = await import('node:crypto');
  const digest = createHash('sha256').update(`${uid} ${line}\n`).digest('hex');
  const name = `fairlead:derived:mesh:${own.genesis}:${liar.replica}`;
  await mouth.set(name, JSON.stringify({ tip: first, scopes: { [uid]: line } }));
  await say({ ...liar, digest, scopes: 'shown' });
  const differs = ({ conditions }: Scope) => conditions.some(({ reason }) => reason === 'ReplicasDiffer');
  const stopped = await scope(one, differs);
  expect(stopped.conditions[0]).toMatchObject({ type: 'Ready', status: 'False', reason: 'ReplicasDiffer' });
  expect(errors.join()).toContain('derive something else');
  const { code, out } = await status(one);
  expect([code, out]).toEqual([1, expect.stringContaining('derive something else: acme')]);
  const metrics = await (await fetch(`http://127.0.0.1:${one.httpPort}/metrics`)).text();
  expect(metrics).toContain('{repo="mesh",type="Witnessed",status="False",reason="ReplicasDiffer"} 1');
  expect(metrics).toContain(
    '{repo="mesh",scope="acme",type="Witnessed",status="False",reason="ReplicasDiffer"} 1',
  );
  // It is shown to the other what is derived here.
  const said = () => heard.findLast(({ replica }) => replica === own.replica);
  await waitFor(() => expect(said()?.scopes).toBe('shown'));

  const second = await site.change('second', 'alice');
  await hint(one.httpPort);
  await serving(one, second);
  await scope(one, ({ sync, seq }) => sync === 'OutOfSync' && seq === 3);
  await waitFor(() => expect(said()?.tip).toBe(second));
  await say({ ...liar, tip: second, digest: said()?.digest });
  await scope(one, ({ sync, conditions: [ready] }) => sync === 'Synced' && ready?.status === 'True');
});

it('a replica whose remote lags serves what that has, whatever the others announce', async () => {
  const meet = await meeting();
  const { site } = meet;
  const first = await site.change('first', 'alice');
  const mirror = `${site.folder}/mirror`;
  await cp(site.repository.gitdir, mirror, { recursive: true });
  const one = await replica(meet, 'one');
  const other = await replica(meet, 'other', {}, mirror);
  await Promise.all([together(one), together(other), serving(one, first), serving(other, first)]);
  const runs = async () => (await serving(other, first)).items[0]?.runs.finished ?? 0;
  const before = await runs();
  const second = await site.change('second', 'alice');
  await hintUntil(one, second);
  await waitFor(async () => expect(await runs()).toBeGreaterThan(before));
  expect((await serving(other, first)).items[0]?.followedTip).toBe(first);
  await cp(site.repository.gitdir, mirror, { recursive: true, force: true });
  await hintUntil(other, second);
});

it('whatever others write into Redis, it goes on', async () => {
  const meet = await meeting();
  const { site } = meet;
  const { heard, say, mouth } = await eavesdrop(meet);
  const [one, other] = [await replica(meet, 'one'), await replica(meet, 'other')];
  await Promise.all([together(one), together(other)]);
  const first = await site.change('first', 'alice');
  await hint(one.httpPort);
  await Promise.all([serving(one, first), serving(other, first)]);
  const own = await waitFor(() => must(heard.at(-1)));
  const huge = 'x'.repeat(8 * 1024 * 1024);
  for (const text of [huge, '', 'null', '[]', '{"replica":', '{"__proto__":{"tip":1}}'])
    await mouth.publish('fairlead:announce', text);
  for (const wrong of [{ repository: 'other' }, { genesis: '1'.repeat(40) }, { tip: 'HEAD' }, { more: 1 }])
    await say({ ...own, replica: 'e'.repeat(32), ...wrong });
  const hex = (at: number, length: number) => at.toString(16).padStart(length, '0');
  for (let at = 0; at < 5_000; at++) {
    const lie = { replica: hex(at, 32), digest: hex(at, 64), tip: at % 2 === 0 ? first : hex(at, 40) };
    void say({ ...own, ...lie, scopes: 'shown', suspensions: hex(at, 64) });
  }
  await mouth.set(`fairlead:suspensions:mesh:${own.genesis}`, huge);
  await mouth.hset(`fairlead:derived:mesh:${own.genesis}:${hex(2, 32)}`, 'a', huge);
  await mouth.set(`fairlead:derived:mesh:${own.genesis}:${hex(0, 32)}`, huge);
  // Jobs that are none, that cannot be read, and of keys that nobody drives.
  for (const [id, data] of [
    ['broken', '{"key":'],
    ['null', 'null'],
    ['other', '{"key":"other","dueMs":"x"}'],
  ] as const)
    await mouth.hset(`fairlead:repositories:${id}`, { name: 'reconcile', data, opts: '{}', timestamp: '1' });
  await mouth.lpush('fairlead:repositories:wait', 'nothing', 'broken', 'null', 'other');
  const second = await site.change('second', 'alice');
  await hint(other.httpPort);
  await Promise.all([serving(one, second), serving(other, second)]);
  expect(await brake(one, 'suspend', 'mesh')).toBe(200);
  const stopped = ({ items: [first] }: Items<Repository>) => first?.suspended?.by === 'ana';
  await ask<Items<Repository>>(other.httpPort, '/api/v1/repositories', stopped);
});

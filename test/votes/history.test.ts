import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTreeDigests, type ObjectId, type Objects } from '../../src/git/index.ts';
import { openLine } from '../../src/governance/index.ts';
import { ruleset1 } from '../../src/policy/index.ts';
import { createScopeTrees } from '../../src/policy/own.ts';
import { type History, isAfter, openHistory, sideViews } from '../../src/votes/history.ts';
import { check, claimsOf, electorate } from '../../src/votes/signer.ts';
import { openBench } from '../../src/votes/votes.ts';
import { createWorld, makeToken, type World } from '../governance/world.ts';

/** V2 and I4 once more, straight from the text, over random histories; and what they cost over long ones. */
const step = fc.record({ first: fc.nat(), second: fc.option(fc.nat(), { nil: null }) });

async function historyOf(steps: readonly { first: number; second: number | null }[]): Promise<History> {
  const world = createWorld();
  world.add('g', {});
  const names = ['g'];
  const parentOf = new Map<string, string>();
  for (const [index, { first, second }] of steps.entries()) {
    const one = names[first % names.length] ?? 'g';
    const two = second === null ? one : (names[second % names.length] ?? one);
    world.add(`c${index}`, { parents: two === one ? [one] : [one, two] });
    parentOf.set(`c${index}`, one);
    names.push(`c${index}`);
  }
  const main: string[] = [];
  for (let at = names.at(-1); at !== undefined && at !== 'g'; at = parentOf.get(at)) main.unshift(at);
  const history = await openHistory(world.objects, world.ids.get('g') ?? '', ruleset1);
  for (const name of main) await history.extend(world.ids.get(name) ?? '');
  return history;
}

/** `x ≤ y`: every ancestor of a commit, itself included. */
function below(history: History, id: ObjectId): ReadonlySet<ObjectId> {
  const found = new Set<ObjectId>();
  const pending = [id];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    pending.push(...(history.visits.get(next)?.commit.parents ?? []));
  }
  return found;
}

test('V2: a commit is after the epoch exactly if the epoch is a proper ancestor', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
      const history = await historyOf(steps);
      for (const [index, epoch] of history.main.entries()) {
        for (const [id, visit] of history.visits) {
          expect(isAfter(visit, index)).toBe(id !== epoch && below(history, id).has(epoch));
        }
      }
    }),
    { numRuns: 100 },
  );
});

test('I4: the main line up to the base and the side commits are all that the text calls a view', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), fc.nat(), async (steps, at) => {
      const history = await historyOf(steps);
      const epoch = at % history.main.length;
      const old = below(history, history.main[epoch] ?? '');
      const intro = (id: ObjectId) => history.visits.get(id)?.intro ?? 0;
      for (const [id, visit] of history.visits) {
        const ancestors = [...below(history, id)].filter((x) => x !== id);
        const between = (x: ObjectId) => ancestors.filter((y) => y !== x && below(history, y).has(x));
        const byText = ancestors.filter(
          (x) => intro(x) < visit.intro && !old.has(x) && between(x).every((y) => intro(y) > intro(x)),
        );
        const onMain = history.main.slice(epoch + 1, Math.min(visit.base, visit.intro - 1) + 1);
        const side = sideViews(history, visit, epoch).map(({ commit }) => commit.id);
        expect([...onMain, ...side].sort()).toEqual(byText.sort());
      }
    }),
    { numRuns: 100 },
  );
});

test('I4: a side commit that two ways lead to is one view', async () => {
  const world = createWorld();
  world.add('g', {});
  world.add('a', { parents: ['g'], S: '1' });
  world.add('m1', { parents: ['g', 'a'], S: '1' });
  world.add('b', { parents: ['a'], C: '1' });
  world.add('c', { parents: ['a'], C: '2' });
  world.add('d', { parents: ['b', 'c'], S: '2', by: 'x' });
  world.add('m2', { parents: ['m1', 'd'] });
  const id = (name: string) => world.ids.get(name) ?? '';
  const history = await openHistory(world.objects, id('g'), ruleset1);
  for (const name of ['m1', 'm2']) await history.extend(id(name));
  const d = history.visits.get(id('d'));
  if (d === undefined) throw new Error('d came in');
  expect(sideViews(history, d, 0).map(({ commit }) => commit.id)).toEqual([id('a')]);
});

/** The same world, and how often an object was asked for. */
function counted({ objects }: World): { readonly objects: Objects; count(): number } {
  let count = 0;
  const ask =
    <Value>(read: (id: ObjectId) => Promise<Value>) =>
    (id: ObjectId) => {
      count += 1;
      return read(id);
    };
  return {
    objects: { commit: ask(objects.commit), tree: ask(objects.tree), blob: ask(objects.blob) },
    count: () => count,
  };
}

/** S and C are held all the time, half-signed, while signed pull requests of C go on. */
async function costOfHold(length: number): Promise<number> {
  const world = createWorld();
  world.add('g', {});
  world.add('p', { parents: ['g'], S: '1', by: 'x' });
  world.add('m', { parents: ['g', 'p'], S: '1' });
  let last = 'm';
  for (let index = 0; index < length; index += 1) {
    world.add(`a${index}`, { parents: [last], C: `${index}`, by: 'x' });
    world.add(`m${index}`, { parents: [last, `a${index}`], C: `${index}` });
    last = `m${index}`;
  }
  const { objects, count } = counted(world);
  const verdict = await openLine(objects, createTreeDigests(objects), await world.pin()).state(
    world.ids.get(last) ?? '',
  );
  if (!verdict.ok) throw new Error(verdict.reason);
  const rules = [...verdict.state.scopes.values()].map(({ hold }) => hold?.rule);
  expect(rules).toEqual(['Quorum', 'I4']);
  return count();
}

test('G17: a hold costs the same at each main-line commit, however long it lasts', async () => {
  const [short, long] = [await costOfHold(40), await costOfHold(160)];
  expect(long / short).toBeLessThan(4.2);
});

/** `g` is pinned with commits below it: what was said there was said anywhere ≤ mi. */
async function grown(older: (world: World) => Promise<string>): Promise<World> {
  const world = createWorld();
  world.add('g0', {});
  world.add('p', { parents: ['g0'], S: '1' });
  world.add('g1', { parents: ['g0'], by: 'x', message: await older(world) });
  world.add('g', { parents: ['g1'] });
  const words = await world.approve('words', { seq: 2, base: 'g0', next: 'p' });
  world.add('a', { parents: ['g'], S: '1', by: 'x', message: words });
  world.add('m', { parents: ['a'], by: 'y', message: words });
  return world;
}

test('V3: a withdrawal that is older than the genesis is a fence like any other', async () => {
  const without = await grown(async () => 'nothing');
  expect((await without.scope('m')).seq).toBe(2);
  const world = await grown(async (each) => each.withdraw(2));
  expect((await world.scope('m')).hold).toMatchObject({ rule: 'V3', signed: ['y'] });
});

test('V1, V2: older than the genesis a token counts, and a commit that says the same does not', async () => {
  for (const [form, seq] of [
    ['token', 2],
    ['commit', 1],
  ] as const) {
    const world = createWorld();
    world.add('g', {});
    world.add('p', { parents: ['g'], S: '1' });
    const message = await world.approve('words', { seq: 2, base: 'g', next: 'p' });
    const line = message.split('\n')[2] ?? '';
    world.add('g', {
      parents: ['g'],
      by: 'x',
      message: form === 'token' ? makeToken([line], 'x') : message,
    });
    world.add('m', { parents: ['g'], S: '1', by: 'y', message });
    expect((await world.scope('m')).seq).toBe(seq);
  }
});

test('of a message only what it says is kept: there may be many, and long ones', async () => {
  const world = createWorld();
  world.add('g', {});
  const lines = (await world.approve('', { seq: 2, base: 'g', next: 'g' })).trim().split('\n');
  const message = `${'a'.repeat(60_000)}\n\n${makeToken(lines, 'x')}\n${lines.join('\n')}\n`;
  const id = world.add('c', { parents: ['g'], message });
  const history = await openHistory(world.objects, world.ids.get('g') ?? '', ruleset1);
  await history.extend(id);
  expect(history.visits.get(id)).toMatchObject({ carriesToken: true, statements: [{ kind: 'approve' }] });
  expect(history.spoken.get(world.uid.S)?.get(2)).toHaveLength(1);
  expect(history.visits.get(id)?.commit.message).toHaveLength(0);
});

test('G17: neither a long text nor the bytes under its signature are kept, and it is a vote all the same', async () => {
  const world = createWorld();
  world.add('g', {});
  const message = `why\n\n${'because '.repeat(2000)}\n`;
  world.add('p', { parents: ['g'], S: '1', by: 'x', message });
  world.add('q', { parents: ['p'], S: '1', by: 'y', message });
  world.add('m', { parents: ['g', 'q'], S: '1' });
  expect(await world.scope('m')).toMatchObject({ seq: 2, hold: null });
  const history = await openHistory(world.objects, world.ids.get('g') ?? '', ruleset1);
  await history.extend(world.ids.get('m') ?? '');
  const { commit } = history.visits.get(world.ids.get('p') ?? '') ?? {};
  expect([commit?.message.length, commit?.signature?.signed.length]).toEqual([0, 0]);
});

test('a commit that cannot be read again is no verdict, and is asked for again', async () => {
  const world = createWorld();
  world.add('g', {});
  const long = world.add('p', { parents: ['g'], S: '1', by: 'x', message: 'x'.repeat(10_000) });
  const owns = createScopeTrees(world.objects, createTreeDigests(world.objects), 'mesh', ruleset1);
  const reads = new Map<ObjectId, number>();
  const commit = (id: ObjectId) => {
    reads.set(id, 1 + (reads.get(id) ?? 0));
    if (id === long && reads.get(id) === 2) return Promise.reject(new Error('gone for now'));
    return world.objects.commit(id);
  };
  const bench = await openBench({ ...world.objects, commit }, owns, world.ids.get('g') ?? '');
  await bench.history.extend(long);
  const { policy } = await world.scope('g');
  const visit = bench.history.visits.get(long);
  const [claim] = visit === undefined ? [] : claimsOf(visit, electorate(policy, null));
  if (claim === undefined) throw new Error('x has signed');
  await expect(check(bench, claim)).rejects.toThrow('gone for now');
  expect(await check(bench, claim)).toEqual({ ok: true });
  expect(await check(bench, claim)).toEqual({ ok: true });
  expect(reads.get(long)).toBe(3);
});

import { expect, test } from 'vitest';
import { createHistory } from '../../src/reconcile/kinship.ts';
import { createWorld } from '../governance/world.ts';

/** g ← a ← c, which has b merged, ← d; `fork` is on g. */
const world = createWorld({ threshold: 1 });
const g = world.add('g', {});
const a = world.add('a', { parents: ['g'] });
const b = world.add('b', { parents: ['g'] });
const c = world.add('c', { parents: ['a', 'b'] });
const d = world.add('d', { parents: ['c'] });
const fork = world.add('fork', { parents: ['g'] });
const unknown = '1'.repeat(40);

test('what a tip has below it is read once, whoever asks for what; of a further tip, what is new', async () => {
  const read: string[] = [];
  const commit = (id: string) => {
    read.push(id);
    return world.objects.commit(id);
  };
  const hasBelow = createHistory({ commit });
  const ask = (tip: string) => Promise.all([a, b, c, d, fork, unknown].map((id) => hasBelow(tip, id)));
  const reads = () => read.splice(0).sort();
  expect(await ask(c)).toEqual([true, true, true, false, false, false]);
  expect(reads()).toEqual([a, b, c, g].sort());
  expect(await ask(c)).toEqual([true, true, true, false, false, false]);
  expect(reads()).toEqual([]);
  expect(await ask(d)).toEqual([true, true, true, true, false, false]);
  expect(reads()).toEqual([d]);
  expect(await ask(fork)).toEqual([false, false, false, false, true, false]);
});

test('where a commit is missing nothing is answered, and the next question asks again', async () => {
  let isLost = true;
  const commit = async (id: string) => {
    if (isLost && id === a) throw new Error('lost');
    return world.objects.commit(id);
  };
  const hasBelow = createHistory({ commit });
  await expect(hasBelow(c, b)).rejects.toThrow('lost');
  isLost = false;
  expect(await hasBelow(c, a)).toBe(true);
});

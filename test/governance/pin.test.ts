import { expect, test } from 'vitest';
import { createTreeDigests } from '../../src/git/index.ts';
import { formatApproval, openLine, parsePin } from '../../src/governance/index.ts';
import { createWorld } from './world.ts';

test('a root that is pinned at a seq goes on from there, and its children begin', async () => {
  const world = createWorld();
  const genesis = world.add('g', {});
  world.add('next', { parents: ['g'], S: '1' });
  const [base, next] = [await world.own('g'), await world.own('next')];
  const message = (seq: number) => `at\n\n${formatApproval({ uid: world.uid.S, seq, base, next })}\n`;
  world.add('a', { parents: ['g'], S: '1', by: 'x', message: message(2) });
  const late = world.add('b', { parents: ['a'], S: '1', by: 'y', message: message(2) });
  world.add('c', { parents: ['g'], S: '1', by: 'x', message: message(8) });
  const due = world.add('d', { parents: ['c'], S: '1', by: 'y', message: message(8) });
  const pin = { ...(await world.pin()), seq: 7 };
  const line = openLine(world.objects, createTreeDigests(world.objects), pin);
  const seqs = async (tip: string) => {
    const verdict = await line.state(tip);
    return verdict.ok ? [...verdict.state.scopes.values()].map(({ seq }) => seq) : [];
  };
  expect([await seqs(genesis), await seqs(late), await seqs(due)]).toEqual([
    [7, 1],
    [7, 1],
    [8, 1],
  ]);
});

test.each([0, -1, 1.5, 2 ** 53, '1', null])('a pin of seq %s is refused', async (seq) => {
  const world = createWorld();
  world.add('g', {});
  const text = JSON.stringify({
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'Pin',
    ...(await world.pin()),
    seq,
  });
  expect(parsePin(text)).toEqual({ ok: false, reason: 'seq is no positive integer' });
});

test('a pin may name a later tip, and nothing that is none', async () => {
  const world = createWorld();
  const tip = world.add('g', {});
  const pin = await world.pin();
  const text = (more: object) =>
    JSON.stringify({ apiVersion: 'fairlead.dev/v1alpha1', kind: 'Pin', ...pin, ...more });
  expect(parsePin(text({ tip }))).toEqual({ ok: true, pin: { ...pin, tip } });
  expect(parsePin(text({}))).toEqual({ ok: true, pin });
  expect(parsePin(text({ tip: 'main' }))).toEqual({ ok: false, reason: 'tip is not an object id' });
});

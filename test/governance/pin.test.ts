import { expect, test } from 'vitest';
import { createTreeDigests } from '../../src/git/index.ts';
import { openLine, parsePin } from '../../src/governance/index.ts';
import { formatApproval } from '../../src/votes/index.ts';
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
  expect(parsePin(text)).toEqual({ ok: false, reason: expect.stringMatching(/^\/seq must be /) });
});

test('a pin may name a later tip, and nothing that is none', async () => {
  const world = createWorld();
  const tip = world.add('g', {});
  const pin = await world.pin();
  const text = (more: object) =>
    JSON.stringify({ apiVersion: 'fairlead.dev/v1alpha1', kind: 'Pin', ...pin, ...more });
  expect(parsePin(text({ tip }))).toEqual({ ok: true, pin: { ...pin, tip } });
  expect(parsePin(text({}))).toEqual({ ok: true, pin });
  expect(parsePin(text({ tip: 'main' }))).toEqual({
    ok: false,
    reason: expect.stringMatching(/^\/tip must match/),
  });
});

test.each<readonly [string, (pin: Record<string, unknown>) => unknown, string]>([
  ['an array', () => [], '/ must be object'],
  ['null', () => null, '/ must be object'],
  ['a witness', (pin) => ({ ...pin, kind: 'Witness' }), '/kind must be equal to constant'],
  ['a later version', (pin) => ({ ...pin, apiVersion: 'v9' }), '/apiVersion must be equal to constant'],
  ['more than we know', (pin) => ({ ...pin, more: 1 }), '/ must NOT have additional properties (more)'],
  ['a short commit', (pin) => ({ ...pin, commit: 'abc' }), '/commit must match pattern'],
  ['a commit in capitals', (pin) => ({ ...pin, commit: 'A'.repeat(40) }), '/commit must match pattern'],
  ['no path', ({ path: _, ...pin }) => pin, "/ must have required property 'path'"],
  ['a number for a uid', (pin) => ({ ...pin, uid: 7 }), '/uid must be string'],
  ['digests of nobody', (pin) => ({ ...pin, digests: { s: 'f'.repeat(64) } }), '/digests must match pattern'],
  ['digests that are none', (pin) => ({ ...pin, digests: [] }), '/digests must be object'],
])('a pin file is closed: %s', async (_, change, reason) => {
  const world = createWorld();
  world.add('g', {});
  const pin = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'Pin', ...(await world.pin()) };
  const parsed = parsePin(JSON.stringify(change(pin)));
  expect(parsed).toEqual({ ok: false, reason: expect.stringContaining(reason) });
});

test('a pin file is JSON', () => {
  expect(parsePin('commit: abc')).toEqual({ ok: false, reason: 'it is not JSON' });
});

import { expect, test } from 'vitest';
import type { Announcement } from '../../src/reconcile/announcement.ts';
import {
  type Derived,
  derivedOf,
  formatDerived,
  mayBeOneLine,
  parseDerived,
} from '../../src/reconcile/derived.ts';
import { LAG_MS, MAX_REPLICAS, SILENCE_MS, UNSHOWN_MS, Witnesses } from '../../src/reconcile/witnesses.ts';
import { createWorld } from '../governance/world.ts';

const world = createWorld({ threshold: 1 });
world.add('g', { S: 'one', C: 'child' });
const a = world.add('a', { parents: ['g'], S: 'two', by: 'x' });
const { S, C } = world.uid;
const state = await world.state('a');
const own = derivedOf(state);
const before = derivedOf(await world.state('g'));

const derived = (tip: string, scopes: ReadonlyMap<string, string>): Derived =>
  parseDerived(formatDerived({ tip, digest: '', scopes })) ?? expect.fail('not what is derived');
const otherwise = (tip = a) => derived(tip, new Map(own.scopes).set(S, 'other'));

const hex = (at: number, length = 32) => at.toString(16).padStart(length, '0');
const said = (
  replica: number,
  { tip, digest }: Pick<Derived, 'tip' | 'digest'>,
  more = {},
): Announcement => ({
  ...{ replica: hex(replica), repository: 'mesh', genesis: world.ids.get('g') ?? '', tip, digest },
  ...{ scopes: 'shown' as const, suspensions: hex(0, 64), ...more },
});

/** One that follows `own`; and what another says, which is read as far as it is shown. */
function start() {
  const witnesses = new Witnesses();
  witnesses.follow(own, 0);
  const hear = (announcement: Announcement, shown: Derived | null, nowMs = 0) => {
    witnesses.hear(announcement, nowMs);
    for (let next = witnesses.unread(nowMs); next !== null; next = witnesses.unread(nowMs))
      witnesses.read(next, shown, nowMs);
  };
  return { witnesses, hear, scopes: () => [...(witnesses.differing()?.scopes ?? [])] };
}

test('the same state has the same digest, whatever order it was found in', () => {
  const reversed = new Map([...own.scopes].reverse());
  expect(derived(a, reversed).digest).toBe(own.digest);
  expect(otherwise().digest).not.toBe(own.digest);
  expect([...own.scopes.keys()].sort()).toEqual([S, C].sort());
});

test('exactly what differs at one tip is told, until it is the same again', () => {
  const { witnesses, hear, scopes } = start();
  hear(said(1, own), null);
  expect([witnesses.differing(), witnesses.isDisputed()]).toEqual([null, false]);
  const wrong = otherwise();
  hear(said(1, wrong), wrong);
  expect(scopes()).toEqual([[S, [hex(1)]]]);
  const first = witnesses.differing();
  hear(said(1, wrong), wrong);
  expect(witnesses.differing()).toBe(first);
  // Where one is ahead nothing can be compared, and nothing is let go.
  hear(said(1, { ...own, tip: before.tip }), null);
  expect(witnesses.differing()).toBe(first);
  hear(said(1, own), null);
  expect(witnesses.differing()).toBeNull();
});

test('what was said of a tip is compared when it is followed here', () => {
  const { witnesses, hear, scopes } = start();
  witnesses.follow(before, 0);
  const wrong = otherwise();
  hear(said(1, wrong), wrong);
  expect(scopes()).toEqual([]);
  witnesses.follow(own, 0);
  const next = witnesses.unread(0) ?? expect.fail('nothing to read');
  witnesses.read(next, wrong, 0);
  expect(scopes()).toEqual([[S, [hex(1)]]]);
});

test('scopes that others lack stop too; those that only others have are counted', () => {
  const { witnesses, hear, scopes } = start();
  const fewer = derived(
    a,
    new Map([
      [S, own.scopes.get(S) ?? ''],
      ['e'.repeat(64), '1 x'],
    ]),
  );
  hear(said(1, fewer), fewer);
  expect(scopes()).toEqual([[C, [hex(1)]]]);
  expect(witnesses.differing()?.unknown).toBe(1);
});

test('what is shown counts only as it was announced; who shows nothing is told all the same', () => {
  const { witnesses, hear, scopes } = start();
  const wrong = otherwise();
  hear(said(1, { tip: a, digest: hex(7, 64) }), wrong);
  hear(said(2, wrong), { ...wrong, tip: before.tip });
  hear(said(3, wrong, { scopes: 'unshown' }), wrong);
  expect(witnesses.differing()).toBeNull();
  witnesses.tick(UNSHOWN_MS);
  expect(scopes()).toEqual([]);
  expect(witnesses.differing()?.replicas).toEqual([1, 2, 3].map((at) => hex(at)));
  for (const at of [1, 2, 3]) hear(said(at, own), null);
  expect(witnesses.differing()).toBeNull();
});

test('whoever leaves, or says nothing more, keeps nobody back', () => {
  const { witnesses, hear } = start();
  const wrong = otherwise();
  hear(said(1, wrong), wrong);
  hear(said(2, wrong), wrong);
  hear(said(2, { ...wrong, tip: null as unknown as string }), null);
  expect(witnesses.differing()?.replicas).toEqual([hex(1)]);
  witnesses.tick(SILENCE_MS - 1);
  expect(witnesses.differing()).not.toBeNull();
  witnesses.tick(SILENCE_MS);
  expect([witnesses.differing(), witnesses.isDisputed()]).toEqual([null, false]);
});

test('no more than so many are listened to, and each is read in turn', () => {
  const { witnesses } = start();
  const wrong = otherwise();
  for (let at = 0; at < 10 * MAX_REPLICAS; at++) witnesses.hear(said(at, wrong), 0);
  const read = new Set<string>();
  for (let next = witnesses.unread(0); next !== null; next = witnesses.unread(0)) {
    read.add(next.replica);
    // It shows nothing, and says something new at once: it has to wait for the others.
    witnesses.read(next, null, 0);
    if (read.size < MAX_REPLICAS) witnesses.hear(said(0, { tip: a, digest: hex(read.size, 64) }), 0);
  }
  expect(read.size).toBe(MAX_REPLICAS);
  for (let at = 0; at < MAX_REPLICAS; at++) witnesses.tick(SILENCE_MS);
  expect(witnesses.isDisputed()).toBe(false);
});

test('what may only be later or earlier contradicts nothing; another digest at a number that was had does', async () => {
  const scope = state.scopes.get(S) ?? expect.fail('no scope');
  const may = (line: string) => mayBeOneLine(scope, line);
  const line = own.scopes.get(S) ?? '';
  const digest = 'd'.repeat(64);
  expect([may(line), may(before.scopes.get(S) ?? ''), may(`9 e ${digest} Live`)]).toEqual([true, true, true]);
  expect([may(`2 e ${digest} Live`), may(`1 e ${digest} Live`), may('lies')]).toEqual([false, false, false]);
});

test('a tip is of another line once the remote was looked at long after it was announced, until it is found', () => {
  const { witnesses } = start();
  const there = { tip: 'e'.repeat(40), digest: hex(7, 64) };
  witnesses.hear(said(1, there), 0);
  const asked = () => witnesses.unplaced() ?? expect.fail('nothing to look for');
  witnesses.place(asked(), 'unknown', 0);
  expect(witnesses.unplaced()).toBeNull();
  // It goes on, and what it said first is still what is looked for.
  witnesses.hear(said(1, { ...there, tip: 'f'.repeat(40) }), 1);
  witnesses.looked(LAG_MS - 1);
  expect(asked().tip).toBe(there.tip);
  witnesses.place(asked(), 'unknown', LAG_MS);
  expect(witnesses.differing()).toBeNull();
  witnesses.looked(LAG_MS);
  witnesses.place(asked(), 'unknown', LAG_MS);
  expect(witnesses.differing()).toMatchObject({ elsewhere: [hex(1)], replicas: [hex(1)] });
  expect(witnesses.differing()?.scopes.size).toBe(0);
  expect(asked().tip).toBe('f'.repeat(40));
  witnesses.place(asked(), 'same', LAG_MS);
  expect([witnesses.differing(), witnesses.isDisputed()]).toEqual([null, false]);
});

test('whoever arrives at the followed tip is elsewhere no more', () => {
  const { witnesses } = start();
  witnesses.hear(said(1, { tip: 'e'.repeat(40), digest: own.digest }), 0);
  witnesses.place(witnesses.unplaced() ?? expect.fail('nothing to look for'), 'other', 0);
  expect(witnesses.differing()?.elsewhere).toEqual([hex(1)]);
  witnesses.hear(said(1, own), 1);
  expect([witnesses.differing(), witnesses.unplaced()]).toEqual([null, null]);
});

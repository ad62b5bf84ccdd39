import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EVENT_TYPES } from '../../src/base/event-types.ts';
import { must } from '../../src/base/must.ts';
import { changes } from '../../src/telemetry/changes.ts';
import { createEvents } from '../../src/telemetry/events.ts';
import { createTelemetry } from '../../src/telemetry/index.ts';
import { simulatedClock } from '../reconcile/clock.ts';
import { quiet } from '../server.ts';
import { condition, repository, scope, views } from './views.ts';

describe('the events that are kept', () => {
  test('are those after an id, in order; of another process, all', () => {
    const events = createEvents(() => 7);
    const [a, b] = [
      events.add({ type: 'followed', message: 'a' }),
      events.add({ type: 'nack', proxy: 'p', message: 'b' }),
    ];
    const c = events.add({ type: 'held', message: 'c' });
    expect(events.since('')).toEqual({ items: [a, b, c], complete: true });
    expect(events.since(b.id)).toEqual({ items: [c], complete: true });
    expect(events.since('6.2')).toEqual({ items: [a, b, c], complete: false });
    expect(events.since('nonsense').items).toHaveLength(3);
  });

  test('are bounded: proxies push out proxies, and say that they did', () => {
    const events = createEvents(() => 7);
    const first = events.add({ type: 'refused', message: 'x' });
    for (let n = 0; n < 3_000; n += 1) events.add({ type: 'connected', proxy: `p${n}`, message: '' });
    const { items, complete } = events.since('');
    expect([items.length, items[0], complete]).toEqual([1_001, first, false]);
    expect(events.since(items.at(-10)?.id ?? '')).toMatchObject({ complete: true });
  });
});

test('the page has each type, and no other', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/events.md'), 'utf8');
  const rows = page.split('\n').filter((line) => /^\| `[a-z]/.test(line) && !line.startsWith('| `type`'));
  const told = rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([\w-]+)`/g)].map(([, type]) => type),
  );
  expect(told.toSorted()).toEqual([...EVENT_TYPES].toSorted());
});

describe('changes of a status', () => {
  const types = (...args: Parameters<typeof changes>) =>
    changes(...args).map(({ type, scope }) => [type, scope]);
  const before = repository([scope('acme')]);

  test('of a repository', () => {
    expect(types(null, before)).toEqual([['followed', undefined]]);
    expect(types(before, before)).toEqual([]);
    const refused = { tip: 'r', rule: 'G9', reason: 'behind' };
    const failure = { code: 'disk-full', message: 'no space', stage: 'witness' };
    const worse = repository([], { followedTip: 'b', refused, failure, trace: 't' });
    expect(changes({ ...before, scopes: [] }, worse)).toMatchObject([
      { type: 'followed', revision: 'b', trace: 't' },
      { type: 'refused', revision: 'r', message: 'G9: behind' },
      { type: 'failed', message: 'witness: disk-full: no space' },
    ]);
    expect(types(worse, { ...worse, failure: null })).toEqual([['recovered', undefined]]);
    expect(types(worse, { ...worse, refused: { ...refused, tip: 's' } })).toEqual([['refused', undefined]]);
    // The main line is back where it was: nothing else would tell.
    expect(changes(worse, { ...worse, refused: null })).toMatchObject([
      { type: 'recovered', revision: 'b', message: 'r is not offered any more' },
    ]);
    const behind = repository([], { conditions: [condition('SourceVerified', 'True', 'Stale')] });
    expect(changes({ ...before, scopes: [] }, behind)).toMatchObject([
      { type: 'stale', message: 'SourceVerified is True' },
    ]);
    expect(types(behind, { ...behind, trace: 'u' })).toEqual([]);
    expect(changes(behind, { ...behind, conditions: [] })).toMatchObject([
      { type: 'recovered', message: 'the remote offers what is followed again' },
    ]);
  });

  test('of a scope', () => {
    const hold = { rule: 'G5', reason: 'one vote is missing' };
    const held = scope('acme', { hold });
    expect(types(before, repository([held]))).toEqual([['held', 'acme']]);
    expect(types(repository([held]), repository([scope('acme', { hold: { ...hold } })]))).toEqual([]);
    // In the words of the status, which knows what is served meanwhile.
    const said = scope('acme', { hold, conditions: [condition('QuorumMet', 'False', 'Held')] });
    expect(changes(before, repository([said]))).toMatchObject([{ message: 'QuorumMet is False' }]);
    expect(types(repository([held]), repository([scope('acme', { seq: 2 })]))).toEqual([
      ['accepted', 'acme'],
      ['released', 'acme'],
    ]);
    expect(types(before, repository([scope('acme', { status: 'Tombstone' })]))).toEqual([
      ['scope-ended', 'acme'],
    ]);
    expect(types(repository([]), before)).toEqual([['scope-added', 'acme']]);
    const sick = scope('acme', { conditions: [condition('Distributed', 'False', 'Rejected')] });
    expect(changes(before, repository([sick]))).toMatchObject([
      { type: 'health', message: 'Healthy to Degraded: Rejected: Distributed is False' },
    ]);
    expect(changes(repository([sick]), before)).toMatchObject([
      { type: 'health', message: 'Degraded to Healthy: no more Rejected' },
    ]);
  });

  test('of one list of scopes nobody looks at them; of a list that grew or lost some, each is found', () => {
    const untouchable = new Proxy([scope('acme')], {
      get: () => expect.unreachable('the list was looked at'),
    });
    expect(types(repository(untouchable), repository(untouchable))).toEqual([]);
    const [one, two, three] = ['a', 'b', 'c'].map((name) => scope(name, { uid: name.repeat(64) }));
    const [first, second, third] = [must(one), must(two), must(three)];
    const changed = { ...third, seq: 2 };
    expect(types(repository([first, second, third]), repository([second, changed]))).toEqual([
      ['accepted', 'c'],
    ]);
    expect(types(repository([first, third]), repository([first, second, changed]))).toEqual([
      ['scope-added', 'b'],
      ['accepted', 'c'],
    ]);
  });

  test('of all scopes at once, by what their repository has, are told of that', () => {
    const shared = [
      condition('SourceVerified', 'False', 'Refused'),
      condition('Translated', 'False', 'BuildFailed'),
      condition('Distributed', 'Unknown', 'Progressing'),
    ];
    const conditions = [condition('Ready', 'False', 'Refused'), ...shared];
    const worse = repository([scope('acme', { health: 'Degraded', conditions })], { conditions });
    expect(changes(before, worse)).toMatchObject([
      { type: 'health', message: 'Healthy to Degraded: BuildFailed: Translated is False' },
    ]);
    expect(types(before, worse)).toEqual([['health', undefined]]);
    expect(types(worse, before)).toEqual([['health', undefined]]);
  });
});

test('whoever stops changes, or lets them go on, is told with why and until when', () => {
  const telemetry = createTelemetry({ clock: simulatedClock(), log: quiet, views: views() });
  const brake = { repository: 'mesh', scope: { path: 'acme' }, by: 'ana', reason: 'why', untilMs: 1_000 };
  for (const how of ['suspended', 'resumed', 'over'] as const) telemetry.braked(brake, how);
  telemetry.braked({ ...brake, scope: null, untilMs: null }, 'suspended');
  const about = { repository: 'mesh', scope: 'acme' };
  expect(telemetry.events.since('').items).toMatchObject([
    { ...about, type: 'suspended', message: 'by ana: why; until 1970-01-01T00:00:01.000Z' },
    { ...about, type: 'resumed', message: 'by ana: why' },
    { ...about, type: 'resumed', message: 'its time is over; suspended by ana: why' },
    { repository: 'mesh', scope: null, type: 'suspended', message: 'by ana: why' },
  ]);
});

test('however many proxies refuse, the status is looked at once, and what changed is told and logged', async () => {
  const clock = simulatedClock();
  let looks = 0;
  let distributed: 'True' | 'False' = 'True';
  const logged: unknown[] = [];
  const telemetry = createTelemetry({
    clock,
    log: { ...quiet, info: (fields) => logged.push(fields) },
    views: views({
      repositories() {
        looks += 1;
        const conditions = [condition('Distributed', distributed)];
        return [repository([scope('acme', { conditions })], { trace: 'run' })];
      },
    }),
  });
  telemetry.xds.connected('p');
  await clock.advance(1_000);
  distributed = 'False';
  for (let n = 0; n < 500; n += 1)
    telemetry.xds.nacked({ proxy: `p${n}`, typeUrl: '', error: 'no', rejected: [] });
  await clock.advance(1_000);
  expect(looks).toBe(2);
  const { items } = telemetry.events.since('');
  expect(items.map(({ type }) => type).filter((type) => type !== 'nack')).toEqual([
    'connected',
    'followed',
    'health',
  ]);
  expect(logged).toEqual([
    expect.objectContaining({
      event: 'health',
      repository: 'mesh',
      scope: 'acme',
      trace: 'run',
      revision: expect.any(String),
    }),
  ]);
});

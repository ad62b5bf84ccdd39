import { expect, test } from 'vitest';
import { type Facts, report } from '../../src/reconcile/report.ts';
import { withReusedName } from '../governance/realm.ts';

test('a place that is used again is that of the scope that lives; the one that ended is listed, and has no problems', async () => {
  const realm = await withReusedName();
  const state = await realm.state('m');
  const at = { line: 1, column: 1, file: 'a/v.yaml' };
  const problem = { code: 'FL0000', severity: 'error', message: 'wrong', fix: 'mend it', ...at } as const;
  const stages = { fetchMs: null, verifyMs: null, translateMs: null, ackMs: null };
  const facts: Facts = {
    name: 'one',
    pin: state.pin,
    followedTip: state.tip,
    state,
    offeredTip: state.tip,
    refused: null,
    stale: false,
    fetchOkMs: null,
    fetchAgeMs: null,
    runs: { started: 1, finished: 1 },
    failure: null,
    appliedRevision: state.tip,
    applied: new Map(),
    timelines: { of: () => null, last: () => null },
    push: 1,
    outOfSync: new Map(),
    suspension: null,
    kept: new Map(),
    apart: null,
    problems: [problem],
    built: null,
    notBuilt: null,
    untranslated: new Map(),
    stages,
    trace: null,
  };
  const scopes = report(facts, []).scopes.map(({ uid, status, problems }) => [uid, status, problems.length]);
  expect(scopes).toEqual([
    [realm.uid('s'), 'Live', 0],
    [realm.uid('a'), 'Tombstone', 0],
    [realm.uid('new'), 'Live', 1],
  ]);
});

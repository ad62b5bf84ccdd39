import { expect, test } from 'vitest';
import { must } from '../../src/base/must.ts';
import { createReport, type Facts } from '../../src/reconcile/report.ts';
import { withReusedName } from '../governance/realm.ts';

type State = NonNullable<Facts['state']>;

/** Everything of `state` is served, and one file is wrong. */
function factsOf(state: State): Facts {
  const at = { line: 1, column: 1, file: 'a/v.yaml' };
  const problem = { code: 'FL0000', severity: 'error', message: 'wrong', fix: 'mend it', ...at } as const;
  const stages = { fetchMs: null, verifyMs: null, translateMs: null, ackMs: null };
  return {
    name: 'one',
    pin: state.pin,
    followedTip: state.tip,
    state,
    offeredTip: state.tip,
    refused: null,
    stale: false,
    fetchOkMs: null,
    verifiedAgeMs: null,
    pollMs: 60_000,
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
}

test('a place that is used again is that of the scope that lives; the one that ended is listed, and has no problems', async () => {
  const realm = await withReusedName();
  const report = createReport();
  const { scopes: reported } = report(factsOf(await realm.state('m')), []);
  const scopes = reported.map(({ uid, status, problems }) => [uid, status, problems.length]);
  expect(scopes).toEqual([
    [realm.uid('s'), 'Live', 0],
    [realm.uid('a'), 'Tombstone', 0],
    [realm.uid('new'), 'Live', 1],
  ]);
});

test('what is said of scopes is worked out again only where something of it has changed', async () => {
  const facts = factsOf(await (await withReusedName()).state('m'));
  const report = createReport();
  const { scopes } = report(facts, []);
  const later = { ...facts, fetchOkMs: 5, runs: { started: 2, finished: 2 }, untranslated: new Map() };
  expect(report(later, []).scopes).toBe(scopes);
  const { tip } = must(facts.state);
  const failure = { code: 'disk-full', message: '', fix: '', stage: 'witness', sinceMs: 0 };
  const changes: readonly Partial<Facts>[] = [
    { outOfSync: new Map([[must(scopes[0]).uid, 'wrong']]) },
    { problems: [] },
    { applied: new Map([[must(scopes[0]).uid, 1]]) },
    { appliedRevision: null },
    { failure },
    { refused: { tip, rule: 'G9', reason: 'behind', sinceMs: 0 } },
    { notBuilt: 'a bug' },
    { untranslated: new Map([['one', 'a bug']]) },
    { push: null },
  ];
  for (const change of changes) {
    const changed = report({ ...facts, ...change }, []).scopes;
    expect(changed).not.toEqual(scopes);
    expect(changed).toEqual(createReport()({ ...facts, ...change }, []).scopes);
  }
  expect(report(facts, []).scopes).toEqual(scopes);
});

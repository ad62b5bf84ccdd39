import { expect, test } from 'vitest';
import { must } from '../../src/base/must.ts';
import type { ScopeState } from '../../src/governance/index.ts';
import type { Facts } from '../../src/reconcile/facts.ts';
import { createReport } from '../../src/reconcile/report.ts';
import { createTransitions } from '../../src/reconcile/transitions.ts';
import type { ProxyStatus } from '../../src/xds/index.ts';
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
    verifiedSteadyMs: null,
    verifiedAgeMs: null,
    pollMs: 60_000,
    runs: { started: 1, finished: 1 },
    failure: null,
    appliedRevision: state.tip,
    applied: new Map(),
    leftOut: new Map(),
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

test('what is accepted is not said to be served of whom nothing is', async () => {
  const state = await (await withReusedName()).state('m');
  const withdrawn = [...state.scopes].map(([uid, scope]) => {
    return [
      uid,
      { ...scope, status: scope.status === 'Live' ? ('Withdrawn' as const) : scope.status },
    ] as const;
  });
  const readyOf = (of: State) => {
    const facts = { ...factsOf(of), problems: [], appliedRevision: of.tip };
    const { scopes } = createReport()(facts, []);
    return scopes.map(({ conditions: [ready] }) => `${ready?.reason}: ${ready?.message}`);
  };
  const served = 'Ready: what is accepted is served';
  const ended = 'Ended: it has ended: nothing of it is served';
  const back = 'Withdrawn: its parent has withdrawn it: nothing of it is served';
  expect(readyOf(state)).toEqual([served, ended, served]);
  expect(readyOf({ ...state, scopes: new Map(withdrawn) })).toEqual([back, ended, back]);
});

test('what is said of scopes is worked out again only where something of it has changed', async () => {
  const facts = factsOf(await (await withReusedName()).state('m'));
  const report = createReport();
  const { scopes } = report(facts, []);
  const later = { ...facts, fetchOkMs: 5, runs: { started: 2, finished: 2 }, untranslated: new Map() };
  expect(report(later, []).scopes).toBe(scopes);
  const { tip } = must(facts.state);
  const failure = { code: 'disk-full', message: '', fix: '', stage: 'witness', sinceMs: 0, untilMs: null };
  const changes: readonly Partial<Facts>[] = [
    { outOfSync: new Map([[must(scopes[0]).uid, 'wrong']]) },
    { leftOut: new Map([[must(scopes[0]).uid, 'wrong']]) },
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

test('scopes of which the same is said share one list of conditions, and what is said of each is what is said of it alone', async () => {
  const state = must((await stateOfMany(40)) as State);
  const uids = [...state.scopes.keys()];
  const [held, troubled, kept] = [must(uids[3]), must(uids[4]), must(uids[5])];
  const hold = { rule: 'G5', reason: 'no quorum', commit: state.tip, files: [], votes: [], base: null };
  const scopes = new Map(
    [...state.scopes].map(([uid, scope]) => [
      uid,
      uid === held ? ({ ...scope, hold } as unknown as ScopeState) : scope,
    ]),
  );
  const facts = { ...factsOf({ ...state, scopes }), outOfSync: new Map([[kept, 'seq 1 is served']]) };
  const problem = { ...must(facts.problems[0]), file: `${must(scopes.get(troubled)).directory}/a.yaml` };
  const all = { ...facts, problems: [problem] };
  const reported = createReport()(all, []).scopes;
  for (const one of reported) {
    const own = one.uid === troubled ? all.problems : [];
    const alone = { ...state, scopes: new Map([[one.uid, must(scopes.get(one.uid))]]) };
    expect(createReport()({ ...all, problems: own, state: alone }, []).scopes).toEqual([one]);
  }
  const lists = Map.groupBy(reported, ({ conditions }) => conditions);
  expect([...lists.values()].map(({ length }) => length).sort((a, b) => b - a)).toEqual([35, 1, 1, 1, 1, 1]);

  const stamp = createTransitions();
  stamp(createReport()({ ...all, appliedRevision: null }, []), 1);
  const stamped = stamp(createReport()(all, []), 2).scopes;
  expect(new Set(stamped.map(({ conditions }) => conditions)).size).toBe(lists.size);
  for (const [at, { conditions }] of stamped.entries()) {
    const plain = conditions.map(({ lastTransitionMs: _, ...observation }) => observation);
    expect(plain).toEqual(must(reported[at]).conditions);
    const since = Object.fromEntries(
      conditions.map(({ type, lastTransitionMs }) => [type, lastTransitionMs]),
    );
    expect(since).toMatchObject({ SourceVerified: 1, Distributed: 2, Translated: 2 });
  }
});

test('of a held scope it is said what is served, also where that is not the newest that was accepted', async () => {
  const state = must((await stateOfMany(1)) as State);
  const [[uid, scope]] = [...state.scopes] as [[string, ScopeState]];
  const hold = { rule: 'G5', reason: 'no quorum', commit: state.tip, files: [], votes: [], base: null };
  const held = { ...scope, seq: 4, hold } as unknown as ScopeState;
  const facts = factsOf({ ...state, scopes: new Map([[uid, held]]) });
  const quorum = (more: Partial<Facts>) =>
    must(createReport()({ ...facts, ...more }, []).scopes[0]).conditions.find(
      ({ type }) => type === 'QuorumMet',
    )?.message;
  // The last good one stands in for seq 4, which has an error.
  expect(quorum({ applied: new Map([[uid, 3]]) })).toBe('G5: no quorum; seq 3 is served');
  expect(quorum({ applied: new Map() })).toBe('G5: no quorum; seq 4 is served');
});

test('errors are counted as errors, however many a document has, and proxies out of all', async () => {
  const facts = factsOf(must((await stateOfMany(1)) as State));
  const proxy = (rejected: readonly object[]) =>
    ({ proxy: 'p', revision: '', types: [], fullyAcked: null, rejected }) as unknown as ProxyStatus;
  const { uid } = must([...must(facts.state).scopes.values()][0]);
  const refusing = proxy([{ name: 'l', message: 'm', sources: [{ uid }] }]);
  const said = (problems: Facts['problems'], proxies: readonly ProxyStatus[]) => {
    const { conditions, scopes } = createReport()({ ...facts, problems }, proxies);
    const of = (list: typeof conditions) =>
      list.flatMap(({ type, status, message }) => (type !== 'Ready' && status === 'False' ? [message] : []));
    return [of(conditions), of(must(scopes[0]).conditions)];
  };
  const [error] = facts.problems;
  const one = '1 error, the first FL0000 at a/v.yaml:1:1: what has one is left out';
  expect(said([must(error)], [])[0]).toEqual([one]);
  const two = '2 errors, the first FL0000 at a/v.yaml:1:1: what has one is left out';
  expect(said([must(error), must(error)], [])[0]).toEqual([two]);
  expect(said([], [refusing, proxy([])])).toEqual([
    ['1 of 2 proxies rejected something'],
    ['1 of 2 proxies rejected something of it'],
  ]);
});

/** As many scopes, each at seq 1 but for two. */
async function stateOfMany(count: number): Promise<State> {
  const state = must((await (await withReusedName()).state('m')) as State);
  const [one] = [...state.scopes.values()].filter(({ status }) => status === 'Live');
  const scopes = Array.from({ length: count }, (_, index): ScopeState => {
    const uid = index.toString(16).padStart(64, '0');
    const seq = index < 2 ? index + 2 : 1;
    return { ...must(one), uid, seq, path: `s.t${index}`, directory: `s/t${index}` };
  });
  return { ...state, scopes: new Map(scopes.map((scope) => [scope.uid, scope])) };
}

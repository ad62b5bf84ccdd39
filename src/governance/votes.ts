import type { ObjectId } from '../git/index.ts';
import { descendants, type History, type Visit, views } from './history.ts';
import { joinPath, type ScopeTrees } from './own.ts';
import type { Ruleset } from './ruleset.ts';
import { type AnchorKey, signerOf, verifySignature } from './signature/index.ts';
import type { Statement } from './statement.ts';
import type { Anchor, Candidate, Refused, ScopeState, Vote } from './types.ts';

/** Everything that a verdict about one scope at one main-line commit is made from. */
export type Bench = {
  readonly history: History;
  readonly owns: ScopeTrees;
  readonly ruleset: Ruleset;
  /** I4 by scope, epoch and commit, which alone decide it: a memo. */
  readonly unclean: Map<string, ReturnType<typeof uncleanView>>;
  /** Signature verdicts by commit and key: a memo. */
  readonly checked: Map<
    string,
    Promise<{ readonly ok: true } | { readonly ok: false; readonly rule: string; readonly reason: string }>
  >;
};

export type Ballot = {
  readonly votes: readonly Vote[];
  readonly refused: readonly Refused[];
  /** G17: more signature checks than one main-line commit may cause. */
  readonly overCap: boolean;
};

type Signed = { readonly visit: Visit; readonly anchor: Anchor; readonly key: AnchorKey };
type Word = Signed & { readonly statement: Exclude<Statement, { kind: 'void' }> };

/** Counts what a candidate costs, and notes why commits that look like approvals are none. */
type Count = {
  /** Signature checks by the main-line index that brought the commit in (G17). */ readonly checks: Map<
    number,
    number
  >;
  readonly refused: Refused[];
};

/**
 * The votes for a candidate at the history's last main-line commit: V1–V3, explicit (G3) and implicit (G2, I1–I4).
 * One vote for each anchor, the first in line order; neither order nor dates ever decide whether there is one.
 */
export async function collectVotes(bench: Bench, scope: ScopeState, candidate: Candidate): Promise<Ballot> {
  const count: Count = { checks: new Map(), refused: [] };
  const after = descendants(bench.history, scope.epoch.index);
  const words = await collectWords(bench, scope, candidate.seq, count);
  const fences = fence(words);
  const votes = new Map<string, Vote>();
  for (const word of words) {
    const reason = explicitRefusal(word, candidate, after, fences);
    if (reason !== null) refuse(count, word, reason.rule, reason.text);
    else if (word.statement.kind === 'approve') vote(votes, word, 'explicit');
  }
  const spoken = new Set(words.map(({ anchor }) => anchor.name));
  if (candidate.class === 'update' && candidate.base !== candidate.next) {
    await collectImplicit(bench, scope, candidate, { after, spoken, votes, count });
  }
  return {
    votes: [...votes.values()],
    refused: count.refused,
    overCap: (count.checks.get(bench.history.main.length - 1) ?? 0) > bench.ruleset.signatureChecks,
  };
}

function vote(votes: Map<string, Vote>, signed: Signed, form: Vote['form']): void {
  const { anchor, key, visit } = signed;
  if (votes.has(anchor.name)) return;
  votes.set(anchor.name, {
    anchor: anchor.name,
    fingerprint: key.fingerprint,
    commit: visit.commit.id,
    form,
  });
}

function refuse(
  count: Count,
  signed: { visit: Visit; anchor: Anchor | null },
  rule: string,
  reason: string,
): void {
  count.refused.push({ commit: signed.visit.commit.id, anchor: signed.anchor?.name ?? null, rule, reason });
}

/** What anchors of the scope have said in signed words about mutation `seq`, anywhere ≤ mi (V1, I1). */
async function collectWords(
  bench: Bench,
  scope: ScopeState,
  seq: number,
  count: Count,
): Promise<readonly Word[]> {
  const words: Word[] = [];
  for (const visit of spokenVisits(bench.history)) {
    const statement = statementFor(visit, scope.uid);
    if (statement === null || statement.kind === 'void' || statement.seq !== seq) continue;
    // A flood of approvals must not drown a withdrawal: those are checked whatever else came in.
    const budget = statement.kind === 'withdraw' ? { ...count, checks: new Map<number, number>() } : count;
    const signed = await signer(bench, scope, visit, budget);
    if (signed !== null) words.push({ ...signed, statement });
  }
  return words;
}

function* spokenVisits(history: History): Generator<Visit> {
  for (const [intro, visits] of history.byIntro.entries()) {
    if (history.mute.has(intro)) continue;
    for (const visit of visits) if (visit.statements.length > 0) yield visit;
  }
}

/** The one statement of a commit for a scope; a malformed line without a readable uid speaks for every scope. */
function statementFor(visit: Visit, uid: string): Statement | null {
  return (
    visit.statements.find((statement) => statement.kind === 'void' && statement.uid === null) ??
    visit.statements.find((statement) => statement.uid === uid) ??
    null
  );
}

/** V1: whose key made the one signature of this commit. Fingerprints first, cryptography last (G17). */
async function signer(bench: Bench, scope: ScopeState, visit: Visit, count: Count): Promise<Signed | null> {
  const { signature } = visit.commit;
  if (signature === null) return null;
  const keys = scope.policy.anchors.flatMap(({ keys }) => keys);
  const key = signerOf(signature, keys);
  const anchor = scope.policy.anchors.find(({ keys }) => key !== null && keys.includes(key)) ?? null;
  if (key === null || anchor === null) return null;
  const checks = (count.checks.get(visit.intro) ?? 0) + 1;
  count.checks.set(visit.intro, checks);
  if (checks > bench.ruleset.signatureChecks) return null;
  const verdict = await check(bench, visit, key);
  if (verdict.ok) return { visit, anchor, key };
  refuse(count, { visit, anchor }, verdict.rule, verdict.reason);
  return null;
}

function check(bench: Bench, visit: Visit, key: AnchorKey) {
  const { id, signature } = visit.commit;
  const name = `${id} ${key.fingerprint}`;
  const known = bench.checked.get(name);
  if (known !== undefined) return known;
  if (signature === null) return Promise.resolve({ ok: false as const, rule: 'V1', reason: 'no signature' });
  const verdict = verifySignature(signature, key, 'git');
  bench.checked.set(name, verdict);
  return verdict;
}

/** V3: the highest round up to which each anchor has withdrawn. A fence: nothing about order. */
function fence(words: readonly Word[]): ReadonlyMap<string, number> {
  const rounds = new Map<string, number>();
  for (const { anchor, statement } of words) {
    if (statement.kind !== 'withdraw') continue;
    rounds.set(anchor.name, Math.max(statement.round, rounds.get(anchor.name) ?? 0));
  }
  return rounds;
}

function explicitRefusal(
  word: Word,
  candidate: Candidate,
  after: ReadonlySet<ObjectId>,
  fences: ReadonlyMap<string, number>,
): { readonly rule: string; readonly text: string } | null {
  const { statement, visit, anchor } = word;
  if (statement.kind === 'withdraw') return null;
  if (statement.base !== candidate.base || statement.next !== candidate.next) {
    return { rule: 'G3', text: 'its statement names another base or next: run `fairlead approve` again' };
  }
  if (statement.group !== null) {
    return { rule: 'G16', text: 'it names a group, which this version does not count' };
  }
  if (!after.has(visit.commit.id)) return { rule: 'V2', text: "it does not descend from the scope's epoch" };
  const fenced = fences.get(anchor.name);
  if (fenced === undefined || statement.round > fenced) return null;
  return { rule: 'V3', text: `${anchor.name} withdrew up to round ${fenced}` };
}

type Implicit = {
  readonly after: ReadonlySet<ObjectId>;
  readonly spoken: ReadonlySet<string>;
  readonly votes: Map<string, Vote>;
  readonly count: Count;
};

/** G2: plain signed commits. Own digest, words and views are read before any signature is checked. */
async function collectImplicit(
  bench: Bench,
  scope: ScopeState,
  candidate: Candidate,
  state: Implicit,
): Promise<void> {
  for (const [offset, visits] of bench.history.byIntro.slice(scope.epoch.index + 1).entries()) {
    if (bench.history.mute.has(scope.epoch.index + 1 + offset)) continue;
    for (const visit of visits) {
      if (visit.commit.signature === null && visit.commit.refusal === null) continue;
      if (await speaksFor(bench, scope, candidate, visit)) await considerImplicit(bench, scope, visit, state);
    }
  }
}

/** I2 and I3: the commit shows the candidate's tree, and says something about this scope. */
async function speaksFor(
  bench: Bench,
  scope: ScopeState,
  candidate: Candidate,
  visit: Visit,
): Promise<boolean> {
  const { commit } = visit;
  const own = await bench.owns.own(commit.tree, scope.accepted.directory);
  if (!own.ok || own.digest !== candidate.next) return false;
  const first = bench.history.visits.get(commit.parents[0] ?? '');
  if (first === undefined) return false;
  if (commit.parents.length === 1 && first.commit.tree === commit.tree) return true;
  const before = await bench.owns.own(first.commit.tree, scope.accepted.directory);
  return !before.ok || before.digest !== own.digest;
}

async function considerImplicit(
  bench: Bench,
  scope: ScopeState,
  visit: Visit,
  state: Implicit,
): Promise<void> {
  const { after, spoken, votes, count } = state;
  const { signature, refusal } = visit.commit;
  if (refusal !== null) return refuse(count, { visit, anchor: null }, 'G1', refusal);
  const key = signerOf(
    signature ?? never(),
    scope.policy.anchors.flatMap(({ keys }) => keys),
  );
  const anchor = scope.policy.anchors.find(({ keys }) => key !== null && keys.includes(key)) ?? null;
  if (anchor === null) return refuse(count, { visit, anchor }, 'V1', 'it is signed by a key of no anchor');
  if (votes.has(anchor.name)) return;
  if (spoken.has(anchor.name))
    return refuse(count, { visit, anchor }, 'I1', `the words of ${anchor.name} replace their commits`);
  const reason = implicitRefusal(scope, visit, after) ?? (await viewRefusal(bench, scope, visit));
  if (reason !== null) return refuse(count, { visit, anchor }, reason.rule, reason.text);
  const signed = await signer(bench, scope, visit, count);
  if (signed !== null) vote(votes, signed, 'implicit');
}

function implicitRefusal(scope: ScopeState, visit: Visit, after: ReadonlySet<ObjectId>) {
  if (!after.has(visit.commit.id)) return { rule: 'V2', text: "it does not descend from the scope's epoch" };
  if (statementFor(visit, scope.uid) !== null)
    return { rule: 'I1', text: 'it carries a Fairlead line for this scope' };
  if (scope.policy.statements === 'Required') {
    return { rule: 'G3', text: 'this scope requires statements: run `fairlead approve`' };
  }
  return null;
}

function viewRefusal(bench: Bench, scope: ScopeState, visit: Visit): ReturnType<typeof uncleanView> {
  const key = `${scope.uid} ${scope.epoch.commit} ${visit.commit.id}`;
  const known = bench.unclean.get(key) ?? uncleanView(bench, scope, visit);
  bench.unclean.set(key, known);
  return known;
}

/** I4: whoever signed must have been shown a difference that starts from the accepted state. */
async function uncleanView(bench: Bench, scope: ScopeState, visit: Visit) {
  for (const view of views(bench.history, visit, scope.epoch.index)) {
    const own = await bench.owns.own(view.commit.tree, scope.accepted.directory);
    if (own.ok && own.digest === scope.accepted.digest) continue;
    const place = joinPath(scope.accepted.directory) === '' ? 'the scope' : scope.accepted.directory;
    const text = `its branch started from ${view.commit.id}, where ${place} was not in its accepted state: run \`fairlead approve\``;
    return { rule: 'I4', text };
  }
  return null;
}

function never(): never {
  throw new Error('unreachable: filtered by the caller');
}

/** Withdrawals for mutation `seq` that came in with the last main-line commit: entries of the lineage. */
export async function newWithdrawals(bench: Bench, scope: ScopeState): Promise<readonly Vote[]> {
  const fresh = bench.history.byIntro.at(-1) ?? [];
  const found: Vote[] = [];
  if (bench.history.mute.has(bench.history.byIntro.length - 1)) return found;
  for (const visit of fresh) {
    const statement = statementFor(visit, scope.uid);
    if (statement?.kind !== 'withdraw' || statement.seq !== scope.seq + 1) continue;
    const signed = await signer(bench, scope, visit, { checks: new Map(), refused: [] });
    if (signed === null) continue;
    const { anchor, key } = signed;
    found.push({
      anchor: anchor.name,
      fingerprint: key.fingerprint,
      commit: visit.commit.id,
      form: 'explicit',
    });
  }
  return found;
}

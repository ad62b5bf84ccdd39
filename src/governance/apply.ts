import { KeyedList } from '../base/keyed-list.ts';
import { must } from '../base/must.ts';
import { type Policy, readable } from '../policy/index.ts';
import { type Bench, newWithdrawals, type Vote } from '../votes/index.ts';
import { BLANK_ENTRY, firstState } from './genesis.ts';
import { isFirst, type Now, type Verdict, type Verdicts } from './judge.ts';
import { keepIndex, type Site } from './locate.ts';
import { takers } from './structure.ts';
import type { LineageEntry, LineState, ScopeState } from './types.ts';

/** Whose files or name a scope has from here on, and who has its own. */
type Kin = { readonly predecessors: readonly string[]; readonly successors: readonly string[] };

/** Evaluation 6: every accepted candidate at once; what is not accepted is held, and keeps serving what was. */
export async function applyAll(bench: Bench, site: Site, now: Now, verdicts: Verdicts): Promise<LineState> {
  const { state } = site;
  const kin = await kinOf(site, verdicts);
  const next = new Map<string, ScopeState>();
  for (const [uid, verdict] of verdicts) {
    const known = state.scopes.get(uid);
    const scope = await after(bench, now, verdict, kin(uid));
    if (scope !== null && scope !== known) next.set(uid, scope);
  }
  for (const [uid, status] of standings(verdicts)) {
    const scope = next.get(uid) ?? state.scopes.get(uid);
    if (scope !== undefined && scope.status !== 'Tombstone') next.set(uid, { ...scope, status });
  }
  const scopes = await withAll(site, next, verdicts);
  return { pin: state.pin, tip: now.id, index: now.index, scopes };
}

async function withAll(
  { owns, state }: Site,
  next: ReadonlyMap<string, ScopeState>,
  verdicts: Verdicts,
): Promise<LineState['scopes']> {
  const { scopes } = state;
  if (isStructural(verdicts)) return ordered(owns, new Map([...scopes, ...next]), state.pin.uid);
  if (next.size === 0) return scopes;
  const changed = (scopes instanceof KeyedList ? scopes : new KeyedList([...scopes.values()])).with(next);
  keepIndex(scopes, changed);
  return changed;
}

function isStructural(verdicts: Verdicts): boolean {
  return [...verdicts.values()].some(
    ({ of, outcome }) =>
      outcome.kind === 'accepted' && (of.records.after.length > 0 || outcome.group !== null),
  );
}

/** Parents before children, siblings in record order; those that are no more stand where their records do. */
async function ordered(
  owns: Site['owns'],
  scopes: ReadonlyMap<string, ScopeState>,
  root: string,
): Promise<LineState['scopes']> {
  const below = Map.groupBy(scopes.values(), ({ parent }) => parent);
  const found = new Map<string, ScopeState>();
  const visit = async (scope: ScopeState): Promise<void> => {
    found.set(scope.uid, scope);
    const children = below.get(scope.uid) ?? [];
    if (children.length === 0) return;
    const records = await owns.delegations(scope.accepted.tree);
    const places = new Map(records.map(({ uid }, place) => [uid, place]));
    const place = ({ uid }: ScopeState) => must(places.get(uid));
    for (const child of children.toSorted((left, right) => place(left) - place(right))) await visit(child);
  };
  await visit(must(scopes.get(root)));
  return found;
}

/** What accepted records say about scopes whose own state they do not touch (G7). */
function standings(verdicts: Verdicts): ReadonlyMap<string, ScopeState['status']> {
  const found = new Map<string, ScopeState['status']>();
  for (const { of, outcome } of verdicts.values()) {
    if (outcome.kind !== 'accepted') continue;
    for (const { uid, next } of of.asks) {
      if (next?.status === 'live') found.set(uid, 'Live');
      if (next?.status === 'withdrawn') found.set(uid, 'Withdrawn');
    }
  }
  return found;
}

/** Predecessors and successors by what the accepted records say; a name that is used again has the dead ones as its own. */
async function kinOf(site: Site, verdicts: Verdicts): Promise<(uid: string) => Kin> {
  const pairs: { readonly before: string; readonly after: string }[] = [];
  for (const { of, outcome } of verdicts.values()) {
    if (outcome.kind !== 'accepted') continue;
    for (const { kind, uid, next } of of.asks) {
      if (kind === 'merge' && next?.successor != null) pairs.push({ before: uid, after: next.successor });
      if (kind !== 'create' && kind !== 'list') continue;
      const dead = of.records.before.filter(
        ({ status, name }) => status === 'tombstone' && name === next?.name,
      );
      pairs.push(...dead.map((record) => ({ before: record.uid, after: uid })));
    }
    for (const uid of await takers(site, of)) pairs.push({ before: of.scope.uid, after: uid });
  }
  return (uid) => ({
    predecessors: pairs.filter(({ after }) => after === uid).map(({ before }) => before),
    successors: pairs.filter(({ before }) => before === uid).map(({ after }) => after),
  });
}

/** The scope after mi; null where mi does not create it. */
async function after(bench: Bench, now: Now, verdict: Verdict, kin: Kin): Promise<ScopeState | null> {
  const { of, outcome } = verdict;
  const { own } = of;
  if (isFirst(of)) return outcome.kind === 'accepted' ? born(now, verdict, kin) : null;
  const { scope } = of;
  const landed = own.ok ? own.digest : null;
  const withdrawals = outcome.kind === 'accepted' ? [] : await newWithdrawals(bench, scope);
  const entry = entryOf(now, verdict, withdrawals, kin);
  const lineage = entry === null ? scope.lineage : [...scope.lineage, entry];
  if (outcome.kind === 'held') {
    const unclean = scope.unclean ?? { commit: now.id, index: now.index };
    return { ...scope, landed, unclean, hold: outcome.hold, lineage };
  }
  if (outcome.kind === 'clean') return entry === null ? scope : { ...scope, landed, hold: null, lineage };
  const { candidate, policy, votes } = outcome;
  const isGone = candidate.next === 'gone';
  const { directory } = scope;
  const accepted = own.ok
    ? { digest: candidate.next, commit: now.id, directory, tree: own.tree }
    : scope.accepted;
  return {
    ...scope,
    seq: candidate.seq,
    status: isGone ? 'Tombstone' : scope.status,
    accepted,
    landed,
    epoch: { commit: now.id, index: now.index },
    policy,
    unclean: null,
    hold: null,
    lineage,
    predecessors: [...scope.predecessors, ...kin.predecessors],
    successors: [...scope.successors, ...kin.successors],
    unproven: stillUnproven(scope, policy, votes),
  };
}

function born(now: Now, verdict: Verdict, kin: Kin): ScopeState {
  const { scope, own, policy } = verdict.of;
  const at = { commit: now.id, index: now.index };
  const entry = entryOf(now, verdict, [], kin);
  const { uid, name, path, directory, parent } = scope;
  const first = firstState(at, { uid, name, path, directory, parent }, readable(own), must(policy));
  return { ...first, ...kin, lineage: [must(entry)] };
}

/** Of the anchors that the policy still has: those whose keys only the pin vouches for. */
function stillUnproven(scope: ScopeState, policy: Policy, votes: readonly Vote[]): readonly string[] {
  // Names are those of the policy from now on: somebody else may have had one of them before.
  const side = policy === scope.policy ? 'old' : 'new';
  const proven = new Set(votes.filter((vote) => vote.policy === side).map(({ anchor }) => anchor));
  const unproven = scope.policy.anchors.filter(({ name }) => scope.unproven.includes(name));
  const keys = new Set(unproven.flatMap((anchor) => anchor.keys.map(({ fingerprint }) => fingerprint)));
  const left = policy.anchors.filter((anchor) =>
    anchor.keys.some(({ fingerprint }) => keys.has(fingerprint)),
  );
  return left.map(({ name }) => name).filter((name) => !proven.has(name));
}

/** One entry where the own digest, accepted state, hold or withdrawals change; else null. */
function entryOf(
  { id, index }: Now,
  { of, outcome }: Verdict,
  withdrawals: readonly Vote[],
  kin: Kin,
): LineageEntry | null {
  const { scope, own } = of;
  const common = { ...BLANK_ENTRY, commit: id, withdrawals, policy: scope.policy.digest };
  const { seq, accepted, places, directory } = scope;
  if (outcome.kind === 'accepted') {
    const { candidate, policy, group, recovered, votes } = outcome;
    const anchors = scope.policy.anchors.map(({ name, keys }) => ({
      name,
      keys: keys.map(({ fingerprint }) => fingerprint),
    }));
    return {
      ...common,
      ...kin,
      ...candidate,
      event: 'accepted',
      class: recovered ? 'recover' : candidate.class,
      votes,
      policy: policy.digest,
      group,
      previousAnchors: candidate.class === 'reconfigure' ? anchors : null,
      movedTo: seq > 0 && places.at(-1)?.index === index ? directory : null,
    };
  }
  const base = accepted.digest;
  if (outcome.kind === 'clean') {
    if (scope.hold === null && withdrawals.length === 0) return null;
    return { ...common, event: scope.hold === null ? 'withdrawn' : 'lifted', seq, base, next: base };
  }
  const { hold } = outcome;
  const next = own.ok ? own.digest : null;
  if (next === scope.landed && hold.commit !== id && withdrawals.length === 0) return null;
  const { rule, reason, votes, competing, candidate } = hold;
  const why = { votes, competing, rule, reason };
  return { ...common, event: 'held', class: candidate?.class ?? null, seq: seq + 1, base, next, ...why };
}

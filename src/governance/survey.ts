import { must } from '../base/must.ts';
import {
  type Ask,
  badGrants,
  CLASS_OF,
  compareRecords,
  type Delegation,
  type FileChange,
  grantedLess,
  hasForward,
  joinPath,
  type MutationClass,
  type Own,
  type Policy,
  threshold,
} from '../policy/index.ts';
import { type Candidate, type Group, groupDigest, type Member } from '../votes/index.ts';
import { firstMutation } from './birth.ts';
import { mixed, type Proposed, toCandidate } from './candidate.ts';
import { isBelow, isResolved, type Move, type Moves, type Site, scopeAt } from './locate.ts';
import { askRefusal, enters, leaves, leaving } from './structure.ts';
import type { ScopeState } from './types.ts';

/** One scope to be judged at mi. */
export type Case = {
  /** At its place at mi; of seq 0 if mi would create it. */
  readonly scope: ScopeState;
  readonly own: Own;
  readonly changes: readonly FileChange[];
  /** Its candidate by itself; null where it has one only in its group, or none. */
  readonly alone: Candidate | null;
  /** Its candidate as a member of its structural group of more than one scope. */
  readonly within: Candidate | null;
  readonly group: Group | null;
  /** The policy that a reconfigure or a first mutation proposes; else null. */
  readonly policy: Policy | null;
  readonly refusal: Proposed['refusal'];
  /** What its records ask for, as they were and as they would be. */
  readonly asks: readonly Ask[];
  readonly records: { readonly before: readonly Delegation[]; readonly after: readonly Delegation[] };
  /** Scopes that its records would create. */
  readonly born: readonly Case[];
};

const BLANK: Omit<Case, 'scope' | 'own'> = {
  changes: [],
  alone: null,
  within: null,
  group: null,
  policy: null,
  refusal: null,
  asks: [],
  records: { before: [], after: [] },
  born: [],
};

export type Cases = ReadonlyMap<string, Case>;

/** Evaluation 2: the moves that the records of these scopes propose, as they stand at their places in s(i-1). */
export async function proposedMoves(site: Site, uids: Iterable<string>): Promise<Moves> {
  const moves = new Map<string, Move>();
  const { scopes } = site.state;
  const begun = new Map<string, Promise<Case | null>>();
  const once = (uid: string) => {
    const known = begun.get(uid) ?? begin(site, uid);
    begun.set(uid, known);
    return known;
  };
  for (const by of uids) {
    const asker = (await hasOtherRecords(site, by)) ? await once(by) : null;
    for (const { kind, uid, next } of asker?.asks ?? []) {
      if (asker === null || (kind !== 'arrive' && kind !== 'rename') || next === null) continue;
      const move = { uid, by, name: next.name, directory: joinPath(asker.scope.directory, must(next.path)) };
      const isSent = kind === 'rename' || (await isForwarded(site, asker.scope, move, once));
      const isFirst = !moves.has(uid) || isResolved(scopes, by);
      if (isSent && isFirst && !isBelow(scopes, by, uid)) moves.set(uid, move);
    }
  }
  return moves;
}

/** The same bytes are one list. */
async function hasOtherRecords(site: Site, uid: string): Promise<boolean> {
  const { owns, tree } = site;
  const scope = scopeAt(site, uid);
  const stands = scope === null ? null : await owns.place(tree, scope.directory);
  if (scope === null || stands === null || stands === scope.accepted.tree) return false;
  return (await owns.delegations(scope.accepted.tree)) !== (await owns.delegations(stands));
}

/** C9: a record alone takes no scope from where it is; its parent's record lets it go, to this very place. */
async function isForwarded(
  site: Site,
  taker: ScopeState,
  { uid, name }: Move,
  begun: (uid: string) => Promise<Case | null>,
): Promise<boolean> {
  const moved = must(scopeAt(site, uid));
  const giver = moved.parent === null ? null : await begun(moved.parent);
  return hasForward(giver?.records.after ?? [], uid, moved.name, `${taker.path}.${name}`);
}

/**
 * Evaluation 3: the candidates of these scopes and of those that their records speak of, with classes and structural groups.
 * `apart`: scopes whose records count for nothing here, since their move was not accepted.
 */
export async function survey(
  site: Site,
  uids: Iterable<string>,
  apart: Pick<ReadonlySet<string>, 'has'> = new Set(),
): Promise<Cases> {
  const cases = new Map<string, Case>();
  const pending = [...uids];
  for (let uid = pending.pop(); uid !== undefined; uid = pending.pop()) {
    if (cases.has(uid) || apart.has(uid)) continue;
    const made = await begin(site, uid);
    if (made === null) continue;
    cases.set(uid, made);
    pending.push(...made.asks.flatMap((ask) => partners(site, ask)));
  }
  for (const [uid, each] of cases) if (isStructural(each)) cases.set(uid, await withBorn(site, each));
  await refuseAsks(site, cases);
  refuseTwins(cases);
  await refuseAsks(site, cases);
  return withGroups(site, cases);
}

function isStructural({ alone, refusal }: Case): boolean {
  return alone?.class === 'delegate' && refusal === null;
}

async function begin(site: Site, uid: string): Promise<Case | null> {
  const scope = scopeAt(site, uid);
  if (scope === null) return null;
  const { owns, state, tree } = site;
  const own = await owns.own(tree, scope.directory);
  const blank = { ...BLANK, scope, own };
  if (!own.ok) return { ...blank, refusal: { rule: own.rule, reason: own.reason } };
  const { candidate, ...proposed } = await toCandidate(owns, state.scopes, scope, own);
  const made = { ...blank, ...proposed, alone: candidate };
  if (candidate.class !== 'delegate') return made;
  const before = await owns.delegations(scope.accepted.tree);
  const after = await owns.delegations(own.tree);
  const compared = compareRecords(before, after, (each) => scopeAt(site, each) !== null);
  const records = { before, after };
  if (!compared.ok) return { ...made, records, refusal: { rule: 'Class', reason: compared.reason } };
  return { ...made, records, asks: compared.asks };
}

/** Every other scope that has to be in one group with the one whose records ask. */
function partners(site: Site, { kind, uid, next }: Ask): readonly string[] {
  switch (kind) {
    case 'arrive':
      return [uid, site.state.scopes.get(uid)?.parent ?? uid];
    case 'leave':
      return [uid, site.moves.get(uid)?.by ?? uid];
    case 'merge':
      return [uid, must(next?.successor)];
    case 'restore':
      return next?.path === null ? [] : [uid];
    case 'create':
    case 'dissolve':
    case 'rename':
    case 'emigrate':
      return [uid];
    default:
      return [];
  }
}

/** The scopes that the records create; what is wrong with one of them is wrong with the records. */
async function withBorn(site: Site, asker: Case): Promise<Case> {
  const born: Case[] = [];
  for (const { kind, next } of asker.asks) {
    if (kind !== 'create' || next === null) continue;
    const made = await firstMutation(site, asker.scope, next);
    if (!made.ok) return { ...asker, refusal: { rule: made.rule, reason: `${next.name}: ${made.reason}` } };
    const { scope, own, policy, candidate } = made;
    born.push({ ...BLANK, scope, own, policy, alone: candidate });
  }
  return { ...asker, born };
}

/** #107: a uid that two records introduce at one commit is nobody's; what is refused already introduces none. */
function refuseTwins(cases: Map<string, Case>): void {
  const introduced = new Map<string, number>();
  const fresh = ({ asks }: Case) => asks.filter(({ kind }) => kind === 'create' || kind === 'list');
  const askers = [...cases].filter(([, each]) => isStructural(each));
  for (const [, each] of askers)
    for (const { uid } of fresh(each)) introduced.set(uid, 1 + (introduced.get(uid) ?? 0));
  for (const [uid, each] of askers) {
    const twin = fresh(each).find((ask) => must(introduced.get(ask.uid)) > 1);
    if (twin === undefined) continue;
    const reason = `${twin.next?.name}: two records introduce the uid ${twin.uid} at once`;
    cases.set(uid, { ...each, refusal: each.refusal ?? { rule: 'G19', reason } });
  }
}

/** Until nothing changes: what one scope asks for may need what another one asks for. */
async function refuseAsks(site: Site, cases: Map<string, Case>): Promise<void> {
  for (let last = -1, now = 0; last !== now; ) {
    last = now;
    for (const [uid, each] of cases) {
      if (!isStructural(each)) continue;
      const against = await structuralRefusal(site, cases, each);
      if (against === null) continue;
      cases.set(uid, { ...each, ...against });
      now += 1;
    }
  }
}

async function structuralRefusal(
  site: Site,
  cases: Cases,
  asker: Case,
): Promise<Pick<Case, 'refusal' | 'alone'> | null> {
  const { scope, asks, records, alone } = asker;
  for (const ask of asks) {
    const against = await askRefusal(site, cases, asker, ask);
    if (against === null) continue;
    const { name } = must(ask.next ?? ask.old);
    return { alone, refusal: { rule: against.rule, reason: `${name}: ${against.reason}` } };
  }
  const stray = (await leaves(site, asker)) ?? (await enters(site, cases, asker));
  if (stray !== null && alone !== null) return { alone: { ...alone, class: 'mixed' }, refusal: mixed(stray) };
  const reason = badGrants(records.after, scope.policy.owns) ?? grantedLess(records.after, site.state.scopes);
  return reason === null ? null : { alone, refusal: { rule: 'Grants', reason } };
}

/** Several kinds at once need the highest threshold. */
function strongest(policy: Policy, kinds: ReadonlySet<MutationClass>): MutationClass {
  const order: readonly MutationClass[] = ['split', 'merge', 'move', 'dissolve', 'delegate', 'undelegate'];
  const given = order.filter((kind) => kinds.has(kind));
  const most = Math.max(...given.map((kind) => threshold(policy, kind)));
  return must(given.find((kind) => threshold(policy, kind) === most));
}

/**
 * Structural groups: scopes that the differences of records connect, whatever signers list. A member whose own bytes
 * make a candidate without the records (clean, or an update) is that one where the group is not accepted.
 */
function withGroups(site: Site, cases: Map<string, Case>): Cases {
  const kinds = new Map<string, Set<MutationClass>>();
  const links: string[][] = [];
  const askers = [...cases.values()].filter(isStructural);
  for (const asker of askers) {
    const { scope, asks, born } = asker;
    for (const each of born) cases.set(each.scope.uid, each);
    if (asks.length === 0) kinds.set(scope.uid, new Set(['delegate']));
    for (const ask of asks) {
      const others = partners(site, ask);
      for (const uid of [scope.uid, ...others])
        kinds.set(uid, (kinds.get(uid) ?? new Set()).add(kindOf(asker, ask)));
      if (others.length > 0) links.push([scope.uid, ...others]);
    }
  }
  for (const { scope, alone } of askers) {
    const mutation = strongest(scope.policy, must(kinds.get(scope.uid)));
    const each = must(cases.get(scope.uid));
    cases.set(scope.uid, { ...each, alone: { ...must(alone), class: mutation } });
  }
  for (const uids of connected(links)) {
    const members = uids.flatMap((uid) => cases.get(uid) ?? []);
    const lines = members.map(lineOf);
    const group = { digest: groupDigest(lines), members: lines };
    for (const [at, each] of members.entries()) {
      const { uid, policy } = each.scope;
      const { seq, base, next } = must(lines[at]);
      const within = { class: strongest(policy, must(kinds.get(uid))), seq, base, next };
      const isOwn = each.alone?.class === 'renew' || each.alone?.class === 'update';
      const refusal = next === 'gone' ? null : each.refusal;
      cases.set(uid, { ...each, group, within, refusal, alone: isOwn ? each.alone : null });
    }
  }
  return cases;
}

function kindOf(asker: Case, { kind }: Ask): MutationClass {
  return kind === 'create' && leaving(asker.changes).length > 0 ? 'split' : CLASS_OF[kind];
}

function lineOf({ scope: { uid, seq, accepted }, alone }: Case): Member {
  if (alone !== null) return { uid, seq: alone.seq, base: alone.base, next: alone.next };
  return { uid, seq: seq + 1, base: accepted.digest, next: 'gone' };
}

/** Lists that share a uid, joined; uids in the order in which they come. */
function connected(links: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const groups: Set<string>[] = [];
  for (const link of links) {
    const met = groups.filter((group) => link.some((uid) => group.has(uid)));
    const joined = new Set([...met.flatMap((group) => [...group]), ...link]);
    for (const group of met) groups.splice(groups.indexOf(group), 1);
    groups.push(joined);
  }
  return groups.map((group) => [...group]);
}

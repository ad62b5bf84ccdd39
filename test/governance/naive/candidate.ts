import type { Commit } from './history.ts';
import { type Own, own } from './own.ts';
import { meetsFloor, type Policy, parsePolicy } from './policy.ts';
import { floorsOf, type Scope, type State, type Vote } from './state.ts';

/** `(uid, seq, base → next)`, its classes, and who may vote for it. */
export type Candidate = {
  readonly uid: string;
  readonly seq: number;
  readonly base: string;
  readonly next: string;
  /** Several kinds at once need the highest threshold. */
  readonly classes: readonly string[];
  /** What the scope is now; null for a child's first mutation. */
  readonly scope: Scope | null;
  /** The candidate's own policy, for reconfigure and a child's first mutation. */
  readonly policy: Policy | null;
  /** The main-line index that votes come after (V2). */
  readonly epoch: number;
  /** The digest of its structural group, if there is more than one scope in it. */
  readonly group: string | null;
};

/** A candidate with the bytes it would put in place (null: gone) and everybody's votes for it. */
export type Proposal = {
  readonly candidate: Candidate;
  readonly place: string;
  readonly parent: string | null;
  readonly bytes: Own | null;
  readonly votes: readonly Vote[];
};

/** The paths at which two own trees differ. */
export function differences(base: Own, next: Own): readonly string[] {
  const paths = new Set([...base.files.keys(), ...next.files.keys()]);
  return [...paths].filter((path) => base.files.get(path) !== next.files.get(path));
}

/** Derived from bytes, never declared; `structural` is for the records to say. */
export function kindOf(base: Own, next: Own): 'update' | 'reconfigure' | 'structural' | 'mixed' {
  const paths = differences(base, next);
  const governing = paths.filter((path) => /^(scope\.yaml|(anchors|identity)\/.*)$/.test(path));
  if (governing.length > 0) return governing.length === paths.length ? 'reconfigure' : 'mixed';
  return paths.includes('delegations.yaml') ? 'structural' : 'update';
}

/** What a scope's tree at its place proposes on its own: an update, a reconfigure, or, if it is clean, a renew. */
export function ordinary(
  before: State,
  mi: Commit,
  scope: Scope,
  place: string,
): Omit<Proposal, 'votes'> | null {
  const bytes = own(mi.files, place);
  if (bytes === null) return null;
  const kind = bytes.digest === scope.digest ? 'renew' : kindOf(scope.bytes, bytes);
  if (kind === 'structural' || kind === 'mixed') return null;
  const policy = kind === 'reconfigure' ? parsePolicy(bytes.files.get('scope.yaml')) : null;
  if (kind === 'reconfigure' && !canFollow(before, scope, policy)) return null;
  const candidate = {
    uid: scope.uid,
    seq: scope.seq + 1,
    base: scope.digest,
    next: bytes.digest,
    classes: [kind],
    scope,
    policy,
    epoch: scope.epoch,
    group: null,
  };
  return { candidate, place, parent: scope.parent, bytes };
}

function canFollow(before: State, scope: Scope, policy: Policy | null): boolean {
  return (
    policy !== null &&
    policy.salt === scope.policy.salt &&
    floorsOf(before, scope).every((floor) => meetsFloor(policy, floor, scope.policy))
  );
}

import { type Commit, isWithin, type Line, mainAt } from './history.ts';
import { type Own, own } from './own.ts';
import type { Floor, Policy } from './policy.ts';
import type { Statement } from './statement.ts';

export type Scope = {
  readonly uid: string;
  readonly parent: string | null;
  /** Directory within the mesh. */
  readonly place: string;
  readonly seq: number;
  /** The accepted bytes and where they are; `gone` once the scope is dead. */
  readonly digest: string;
  readonly bytes: Own;
  /** The index of the main-line commit at which the latest mutation was accepted. */
  readonly epoch: number;
  readonly policy: Policy;
  readonly isLive: boolean;
  readonly isHeld: boolean;
  /** The latest accepted mutation; null at the genesis. */
  readonly last: Mutation | null;
  /** Who counts for the candidate of a held scope. */
  readonly counted: readonly Vote[];
};

type Mutation = { readonly classes: readonly string[]; readonly votes: readonly Vote[] };

export type Vote = {
  readonly anchor: string;
  /** By whose policy: that of s(i-1), the candidate's own, or the recovery set of s(i-1). */
  readonly side: 'old' | 'new' | 'recovery';
  readonly key: string;
  readonly commit: string;
  readonly form: 'explicit' | 'implicit';
  /** The group that the vote names. */
  readonly group: Statement['group'];
};

/** s(0) … s(i-1), and the line they were made from. */
export type Past = { readonly line: Line; readonly states: readonly State[] };
export type State = ReadonlyMap<string, Scope>;

export function lastOf({ states }: Past): State {
  const last = states.at(-1);
  if (last === undefined) throw new Error('no s(0)');
  return last;
}

/** own(S, x), at the place that S had in s(k), k the greatest with mk ≤ x. */
export function ownAt(past: Past, uid: string, x: Commit): Own | null {
  const known = past.states.keys().filter((k) => isWithin(past.line, mainAt(past.line, k).id, x.id));
  const state = past.states[Math.max(...known)];
  const place = state?.get(uid)?.place;
  return place === undefined ? null : own(x.files, place);
}

/** The floors of all records of s(i-1) from the root down to a scope. */
export function floorsOf(state: State, scope: Scope): readonly Floor[] {
  const parent = state.get(scope.parent ?? '');
  if (parent === undefined) return [];
  const mine = parent.bytes.records.filter(({ uid, kind }) => uid === scope.uid && kind !== 'forward');
  return [...floorsOf(state, parent), ...mine.map(({ floor }) => floor)];
}

/** The path of names by which a scope is resolved. */
export function dotted(state: State, scope: Scope): string {
  const parent = state.get(scope.parent ?? '');
  if (parent === undefined) return scope.policy.name;
  const mine = parent.bytes.records.find(({ uid, kind }) => uid === scope.uid && kind !== 'forward');
  return `${dotted(state, parent)}.${mine?.name}`;
}

import { type Delegation, recordsByUid } from './delegation.ts';
import type { MutationClass } from './types.ts';

/** One thing that a difference of two lists of records asks for. */
export type Ask = {
  readonly kind: keyof typeof CLASS_OF;
  readonly uid: string;
  /** The record before and after; null where there is none. */
  readonly old: Delegation | null;
  readonly next: Delegation | null;
};

/** What the asking scope's mutation is (governance.md, Class). */
export const CLASS_OF = {
  create: 'delegate',
  list: 'delegate',
  edit: 'delegate',
  restore: 'delegate',
  withdraw: 'undelegate',
  dissolve: 'dissolve',
  merge: 'merge',
  rename: 'move',
  arrive: 'move',
  leave: 'move',
  emigrate: 'move',
} as const satisfies Readonly<Record<string, MutationClass>>;

type Compared =
  | { readonly ok: true; readonly asks: readonly Ask[] }
  | { readonly ok: false; readonly reason: string };

/**
 * What turns one list of records into another. Records are matched by uid and never removed; uid, genesis and path
 * never change but by a move. `isAlive`: uids of the scopes that live in this repository.
 */
export function compareRecords(
  before: readonly Delegation[],
  after: readonly Delegation[],
  isAlive: (uid: string) => boolean,
): Compared {
  const asks: Ask[] = [];
  const [was, is] = [recordsByUid(before), recordsByUid(after)];
  for (const uid of new Set([...was.keys(), ...is.keys()])) {
    const [old, next] = [was.get(uid) ?? null, is.get(uid) ?? null];
    const kinds = old === null ? added(next, isAlive) : next === null ? left(old, after) : changed(old, next);
    if (typeof kinds === 'string') return { ok: false, reason: `${(next ?? old)?.name}: ${kinds}` };
    asks.push(...kinds.map((kind) => ({ kind, uid, old, next })));
  }
  const reason = badForwards(before, after, asks);
  return reason === null ? { ok: true, asks } : { ok: false, reason };
}

type Kinds = readonly Ask['kind'][] | string;

function added(next: Delegation | null, isAlive: (uid: string) => boolean): Kinds {
  if (next?.live !== true) return 'a new record is neither withdrawn nor a tombstone';
  if (next.path === null) return ['list'];
  return [isAlive(next.uid) ? 'arrive' : 'create'];
}

function left(old: Delegation, after: readonly Delegation[]): Kinds {
  const isMoved = old.path !== null && old.status !== 'tombstone';
  if (isMoved && after.some(({ uid, forward }) => uid === old.uid && forward !== null)) return ['leave'];
  return 'its record is gone: a record is never removed, only withdrawn, moved or made a tombstone';
}

function changed(old: Delegation, next: Delegation): Kinds {
  if (old.status === 'tombstone') return isSame(old, next) ? [] : 'a tombstone stays what it is';
  if (next.status === 'tombstone') {
    if (old.repository !== null) return 'it lives in a repository of its own: withdraw it';
    if (old.name !== next.name || old.path !== next.path) return 'a tombstone keeps name and path';
    return [next.successor === null ? 'dissolve' : 'merge'];
  }
  if (old.repository !== null) return changedElsewhere(old.repository, old, next);
  const kinds: Ask['kind'][] = [];
  if (next.repository !== null) {
    if (!next.live || old.name !== next.name)
      return 'it moves to a repository of its own under its name, and live';
    return ['emigrate', ...(isEdited(old, { ...next, repository: null }) ? (['edit'] as const) : [])];
  }
  if (old.name !== next.name || old.path !== next.path) kinds.push('rename');
  return [...kinds, ...changedStanding(old, next)];
}

function changedElsewhere(
  old: NonNullable<Delegation['repository']>,
  before: Delegation,
  next: Delegation,
): Kinds {
  const now = next.repository;
  const fixed = ['genesis', 'path', 'digest', 'seq'] as const;
  if (now === null || before.name !== next.name || fixed.some((field) => old[field] !== now[field]))
    return 'name, genesis, path, digest and seq of a scope in a repository of its own are fixed';
  return changedStanding(before, next);
}

/** What changes beside name and path: each is a kind of its own, so that none is had for the threshold of another. */
function changedStanding(old: Delegation, next: Delegation): readonly Ask['kind'][] {
  const kinds: Ask['kind'][] = [];
  if (old.live !== next.live) kinds.push(next.live ? 'restore' : 'withdraw');
  if (isEdited(old, next)) kinds.push('edit');
  return kinds;
}

function isEdited(old: Delegation, { grants, floor, repository }: Delegation): boolean {
  return !isSame(old, { ...old, grants, floor, repository });
}

function isSame(left: Delegation, right: Delegation): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

/** A forward stands where a scope left its name, and stays until that scope takes the name again. */
function badForwards(
  before: readonly Delegation[],
  after: readonly Delegation[],
  asks: readonly Ask[],
): string | null {
  const forwards = (records: readonly Delegation[]) => records.filter(({ status }) => status === 'forward');
  const has = (records: readonly Delegation[], { uid, name }: Delegation) =>
    records.some((record) => record.uid === uid && record.name === name);
  const lost = forwards(before).find((record) => !has(after, record));
  if (lost !== undefined) return `${lost.name}: its forward is gone: a record is never removed`;
  const stray = forwards(after).find(
    (record) =>
      !has(forwards(before), record) &&
      !asks.some(
        ({ kind, uid, old }) =>
          (kind === 'leave' || kind === 'rename') && uid === record.uid && old?.name === record.name,
      ),
  );
  return stray === undefined ? null : `${stray.name}: a forward stands only where a scope has left`;
}

/** Whether records forward a uid from a name to where it is now. */
export function hasForward(records: readonly Delegation[], uid: string, name: string, path: string): boolean {
  return records.some((each) => each.uid === uid && each.name === name && each.forward === path);
}

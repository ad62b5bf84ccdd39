import { must } from '../base/must.ts';
import type { ObjectId } from '../git/index.ts';
import { joinPath, type ScopeTrees, withThoseAbove } from '../policy/index.ts';
import type { LineState, ScopeState } from './types.ts';

type Scopes = LineState['scopes'];

/** What is looked up in one state: derived, and the same for as long as nothing structural is accepted. */
export type Index = {
  /** Every place of a live scope, past ones too, and the directories above. */
  readonly directories: ReadonlySet<string>;
  /** uid by place. */
  readonly byDirectory: ReadonlyMap<string, string>;
  /** Live scopes by the uid of their parent. */
  readonly children: ReadonlyMap<string, readonly string[]>;
  /** Every uid that a record of an accepted tree names, once it was asked for. */
  recorded: Promise<ReadonlySet<string>> | null;
};

const indexes = new WeakMap<Scopes, Index>();

export function indexOf({ scopes }: Pick<LineState, 'scopes'>): Index {
  const known = indexes.get(scopes) ?? readIndex(scopes);
  indexes.set(scopes, known);
  return known;
}

/** The scopes after a commit that moved, created and ended none of them. */
export function keepIndex(before: Scopes, now: Scopes): void {
  indexes.set(now, indexOf({ scopes: before }));
}

function readIndex(scopes: Scopes): Index {
  const directories = new Set<string>();
  const byDirectory = new Map<string, string>();
  const children = new Map<string, string[]>();
  for (const { uid, parent, directory, places, status } of scopes.values()) {
    if (status === 'Tombstone') continue;
    byDirectory.set(directory, uid);
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), uid]);
    for (const place of places) for (const each of withThoseAbove(place.directory)) directories.add(each);
  }
  return { directories, byDirectory, children, recorded: null };
}

/** Whether a record of an accepted tree names the uid: then it can be no new one's. */
export async function isRecorded(owns: ScopeTrees, { scopes }: LineState, uid: string): Promise<boolean> {
  const index = indexOf({ scopes });
  index.recorded ??= recordedUids(owns, scopes);
  return (await index.recorded).has(uid);
}

async function recordedUids(owns: ScopeTrees, scopes: Scopes): Promise<ReadonlySet<string>> {
  const uids = new Set<string>();
  for (const { accepted } of scopes.values())
    for (const { uid } of await owns.delegations(accepted.tree)) uids.add(uid);
  return uids;
}

/** A live scope that a record of another place names: where it would be, by whose record. */
export type Move = {
  readonly uid: string;
  /** uid of the proposing scope, the new parent. */
  readonly by: string;
  readonly name: string;
  readonly directory: string;
};

export type Moves = ReadonlyMap<string, Move>;

/** Evaluation 2: the moved scopes and everything below them, at their new places. */
export function relocate({ scopes, index }: LineState, moves: Moves): ReadonlyMap<string, ScopeState> {
  const located = new Map<string, ScopeState>();
  const { children } = indexOf({ scopes });
  const put = (scope: ScopeState, place: Pick<ScopeState, 'name' | 'path' | 'directory' | 'parent'>) => {
    const { directory } = place;
    const stays = directory === scope.directory;
    const places = stays ? scope.places : [...scope.places, { index: index + 1, directory }];
    located.set(scope.uid, { ...scope, ...place, places });
    for (const uid of children.get(scope.uid) ?? []) {
      const child = scopes.get(uid);
      if (child === undefined || moves.has(uid)) continue;
      const { name, parent } = child;
      // Never of the root, which does not move.
      const below = child.directory.slice(scope.directory.length + 1);
      put(child, { name, parent, path: `${place.path}.${name}`, directory: joinPath(directory, below) });
    }
  };
  for (const { uid, by, name, directory } of moves.values()) {
    const [scope, parent] = [scopes.get(uid), must(scopes.get(by))];
    // A record may name a scope that was withdrawn before the genesis: none lives here.
    if (scope !== undefined) put(scope, { name, parent: by, path: `${parent.path}.${name}`, directory });
  }
  return located;
}

/** Whether a scope is another one or stands below it. */
export function isBelow(scopes: Scopes, uid: string | null, above: string): boolean {
  if (uid === null) return false;
  return uid === above || isBelow(scopes, scopes.get(uid)?.parent ?? null, above);
}

/** Levels above a scope, at its place at mi; more than the cap where moves that nobody accepted yet lead into each other. */
export function depthOf(site: Site, uid: string, below = 0): number {
  const isEndless = below > site.owns.ruleset.delegationDepth;
  const parent = isEndless ? null : (scopeAt(site, uid)?.parent ?? null);
  return parent === null ? below : depthOf(site, parent, below + 1);
}

/** Whether its path leads to it: of a withdrawn scope, and of what stands below one, another may have the same (G7). */
export function isResolved(scopes: Scopes, uid: string | null): boolean {
  const scope = scopes.get(uid ?? '');
  return scope === undefined || (scope.status === 'Live' && isResolved(scopes, scope.parent));
}

/** Levels of scopes below one. */
export function heightOf(index: Index, uid: string): number {
  return Math.max(0, ...(index.children.get(uid) ?? []).map((child) => 1 + heightOf(index, child)));
}

/** What stands where at mi, and what stood there before. */
export type Site = {
  readonly owns: ScopeTrees;
  /** s(i-1). */
  readonly state: LineState;
  /** The root tree of mi. */
  readonly tree: ObjectId;
  readonly moves: Moves;
  /** Scopes whose place is another one with these moves. */
  readonly located: ReadonlyMap<string, ScopeState>;
};

export function siteOf(owns: ScopeTrees, state: LineState, tree: ObjectId, moves: Moves): Site {
  return { owns, state, tree, moves, located: relocate(state, moves) };
}

/** A scope that lives in s(i-1), at its place at mi. */
export function scopeAt({ state, located }: Site, uid: string): ScopeState | null {
  const scope = located.get(uid) ?? state.scopes.get(uid);
  return scope === undefined || scope.status === 'Tombstone' ? null : scope;
}

import type { Failure } from '../base/failure.ts';
import {
  type Earlier,
  type LineState,
  type ScopeState,
  type VerifiedScope,
  withAuthorityOf,
} from '../governance/index.ts';
import type { KeptVersion, Suspension } from './suspension.ts';
import type { Differing } from './witnesses.ts';

/** A scope that is kept at a version that it had accepted, and why. */
export type Kept = {
  readonly digest: string;
  readonly seq: number;
  readonly suspension: Suspension | null;
  /** Who derives it otherwise. */
  readonly replicas: readonly string[];
};

/** Why nobody vouches for what is derived here, though there are others. */
export type Apart =
  | { readonly reason: 'ReplicasDiffer'; readonly differing: Differing }
  | { readonly reason: 'WithoutRedis'; readonly failure: Failure };

/** Who keeps what from changing. */
export interface Keeper {
  /** Nothing of the repository changes; null: it follows its remote. */
  suspended(repository: string): Suspension | null;
  /** By uid. The same object for as long as nothing changed. */
  kept(repository: string): ReadonlyMap<string, Kept>;
  /** Null: the other replicas derive the same, or there are none. */
  apart(repository: string): Apart | null;
  /** Is told what is followed, once it is on the disk, before it is served. */
  followed(repository: string, state: LineState): void;
  /** The remote has answered, to what was asked at `startMs` of the steady clock, and what it has is in the store. */
  looked(repository: string, startMs: number): void;
}

export const NOTHING_KEPT: ReadonlyMap<string, Kept> = new Map();

/** What is served of a kept scope. */
export type KeptScope = Kept & {
  /** `newest`: it has accepted nothing since. `lost`: nobody has the bytes any more, and the newest are served. */
  readonly from: 'newest' | 'lineage' | 'memory' | 'lost';
  readonly served: { readonly digest: string; readonly seq: number };
};

/** The scopes to serve, and for each that is kept what became of it and what it had accepted before that. */
export type KeptBack = {
  readonly scopes: readonly VerifiedScope[];
  /** By uid. Who is served no more is kept no more. */
  readonly kept: ReadonlyMap<string, KeptScope>;
  /** Newest first. */
  earlier(scope: VerifiedScope): Iterable<Earlier>;
};

type EarlierOf = (scope: VerifiedScope) => Iterable<Earlier>;

/**
 * Puts the version that a scope is kept at in the place of its newest, with the place and the authority of now. Its bytes
 * are read from its lineage; where that does not lead to them any more, they are what was served last (`servedLast`).
 */
export function createBackKeeper(): (
  newest: readonly VerifiedScope[],
  kept: ReadonlyMap<string, Kept>,
  earlierOf: EarlierOf,
  servedLast: (uid: string) => VerifiedScope | null,
) => Promise<KeptBack> {
  type Found = { readonly newest: VerifiedScope; readonly scope: VerifiedScope };
  const found = new Map<string, Found>();
  return async (newest, kept, earlierOf, servedLast) => {
    for (const uid of found.keys()) if (!kept.has(uid)) found.delete(uid);
    if (kept.size === 0) return { scopes: newest, kept: new Map(), earlier: earlierOf };
    const scopes: VerifiedScope[] = [];
    const back = new Map<string, KeptScope>();
    const earlier = new Map<string, readonly Earlier[]>();
    for (const scope of newest) {
      const wanted = kept.get(scope.uid);
      if (wanted === undefined) {
        scopes.push(scope);
        continue;
      }
      const before = [...earlierOf(scope)];
      const at = before.findIndex(({ digest }) => digest === wanted.digest);
      const known = found.get(scope.uid);
      const same = known?.newest === scope && known.scope.digest === wanted.digest ? known.scope : null;
      const { from, version } =
        same !== null && at >= 0
          ? { from: 'lineage' as const, version: same }
          : await versionOf(scope, wanted, before[at], servedLast);
      if (from === 'lineage') found.set(scope.uid, { newest: scope, scope: version });
      scopes.push(version);
      back.set(scope.uid, { ...wanted, from, served: { digest: version.digest, seq: version.seq } });
      earlier.set(scope.uid, from === 'lineage' ? before.slice(at + 1) : from === 'memory' ? [] : before);
    }
    return { scopes, kept: back, earlier: (scope) => earlier.get(scope.uid) ?? earlierOf(scope) };
  };
}

async function versionOf(
  newest: VerifiedScope,
  { digest }: Kept,
  earlier: Earlier | undefined,
  servedLast: (uid: string) => VerifiedScope | null,
): Promise<{ readonly from: KeptScope['from']; readonly version: VerifiedScope }> {
  if (newest.digest === digest) return { from: 'newest', version: newest };
  const version = (await earlier?.read()) ?? null;
  if (version !== null) return { from: 'lineage', version };
  const last = servedLast(newest.uid);
  if (last === null) return { from: 'lost', version: newest };
  return { from: 'memory', version: withAuthorityOf(last, newest) };
}

/** Versions that a scope has accepted, oldest first; the last is the one that is served. Empty: nothing of it is. */
export function versionsOf(
  scope: ScopeState | undefined,
  kept: KeptScope | undefined,
): readonly Pick<KeptVersion, 'digest' | 'seq'>[] {
  if (scope?.status !== 'Live') return [];
  const digest = kept?.served.digest ?? scope.accepted.digest;
  const all = scope.lineage.flatMap(({ event, next, seq }) =>
    (event === 'genesis' || event === 'accepted') && next !== null ? [{ digest: next, seq }] : [],
  );
  return all.slice(0, all.findLastIndex((each) => each.digest === digest) + 1);
}

/** What is said once of each scope whose version is lost. */
export function newlyLost(
  now: ReadonlyMap<string, KeptScope>,
  before: ReadonlyMap<string, KeptScope>,
): readonly { readonly uid: string; readonly digest: string; readonly served: string }[] {
  return [...now].flatMap(([uid, { from, digest, served }]) =>
    from === 'lost' && before.get(uid)?.from !== 'lost' ? [{ uid, digest, served: served.digest }] : [],
  );
}

import { inBatches, indexesApart } from '../base/lists.ts';
import { must } from '../base/must.ts';
import type { Objects } from '../git/index.ts';
import type { Delegation, ScopeTrees } from '../policy/index.ts';
import type { LineState, ScopeState, VerifiedScope } from './types.ts';
import { type Authority, authorityOf, verifyScope } from './verified.ts';

/**
 * The accepted bytes of every scope that a state serves, parents before children: no tombstone, nothing withdrawn (G7). What
 * neither a scope nor those above it changed since the last state is given again, unread.
 */
export function createServed(
  objects: Objects,
  owns: ScopeTrees,
): (state: LineState) => Promise<readonly VerifiedScope[]> {
  const verified = new Map<string, Verified>();
  let last: Last = { scopes: [], served: [], above: new Map(), parents: new Set() };
  return async (state) => {
    const scopes = [...state.scopes.values()];
    const edited = indexesApart(scopes, last.scopes);
    // What nobody stands below may change without a look at the others.
    const isLike =
      edited.every((at) => isLeafOf(last, at, scopes[at])) && scopes.length === last.scopes.length;
    const above = isLike ? last.above : new Map<string, Authority>();
    const unread: Unread[] = [];
    const served = isLike ? last.served.slice() : scopes.map(() => null);
    const records = new Map<string | null, readonly Delegation[]>([[null, NONE]]);
    for (const at of isLike ? edited : scopes.keys()) {
      const scope = must(scopes[at]);
      const { uid, parent } = scope;
      above.delete(uid);
      // No promise where none is needed: there are many scopes, and most stay as they are.
      if (!records.has(parent)) records.set(parent, await recordsOf(owns, state, parent));
      const from = { records: records.get(parent) ?? NONE, owned: above.get(parent ?? '') ?? null };
      const known = verified.get(uid);
      const isKnown = known !== undefined && isSame(known.scope, scope) && isFrom(known, from);
      served[at] = isKnown ? known.bytes : null;
      const authority = isKnown ? known.bytes.owns : authorityOf(scope, from.records, from.owned);
      if (authority === null) continue;
      above.set(uid, authority);
      if (!isKnown) unread.push({ at, scope, from, authority });
      else if (known.scope !== scope) verified.set(uid, { ...known, scope });
    }
    await inBatches(unread, AT_ONCE, async ({ at, scope, from, authority }) => {
      const bytes = await verifyScope(objects, owns, scope, authority);
      verified.set(scope.uid, { ...from, scope, bytes });
      served[at] = bytes;
    });
    for (const uid of verified.size > above.size ? [...verified.keys()] : [])
      if (!above.has(uid)) verified.delete(uid);
    const parents = isLike ? last.parents : new Set(scopes.map(({ parent }) => parent));
    last = { scopes, served, above, parents };
    return served.filter((bytes) => bytes !== null);
  };
}

/** What a scope's authority is made of: the records of its parent, and what that owns. */
type From = { readonly records: readonly Delegation[]; readonly owned: Authority | null };

type Unread = { at: number; scope: ScopeState; from: From; authority: Authority };

/** Scopes whose files are read at once. */
const AT_ONCE = 48;

/** What was read of a scope's accepted bytes last. */
type Verified = From & { readonly scope: ScopeState; readonly bytes: VerifiedScope };

function isFrom(left: From, right: From): boolean {
  return left.records === right.records && left.owned === right.owned;
}

const NONE: readonly Delegation[] = [];

async function recordsOf(owns: ScopeTrees, { scopes }: LineState, uid: string | null) {
  const scope = scopes.get(uid ?? '');
  return scope === undefined ? NONE : owns.delegations(scope.accepted.tree);
}

/** What `scopes` gave last: null what is not served. */
type Last = {
  readonly scopes: readonly ScopeState[];
  readonly served: readonly (VerifiedScope | null)[];
  readonly above: Map<string, Authority>;
  readonly parents: ReadonlySet<string | null>;
};

function isLeafOf({ scopes, parents }: Last, at: number, scope: ScopeState | undefined): boolean {
  const old = scopes[at];
  return old?.uid === scope?.uid && old?.parent === scope?.parent && !parents.has(scope?.uid ?? null);
}

function isSame(left: ScopeState, right: ScopeState): boolean {
  if (left === right) return true;
  const isPlaced =
    left.status === right.status && left.path === right.path && left.directory === right.directory;
  return (
    isPlaced && left.epoch.commit === right.epoch.commit && left.accepted.digest === right.accepted.digest
  );
}

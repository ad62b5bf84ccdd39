import { indexesApart } from '../base/lists.ts';
import type { ObjectId, Objects, TreeDigests } from '../git/index.ts';
import { lookAhead } from './ahead.ts';
import type { Delegation } from './delegation.ts';
import { fold } from './fold.ts';
import { genesisState, type Refusal } from './genesis.ts';
import { openHistory } from './history.ts';
import { createScopeTrees, type ScopeTrees } from './own.ts';
import { type Ruleset, ruleset1 } from './ruleset.ts';
import type { LineState, Pin, ScopeState, VerifiedScope } from './types.ts';
import { type Authority, authorityOf, verifyScope } from './verified.ts';
import type { Bench } from './votes.ts';

type Verdict = { readonly ok: true; readonly state: LineState } | Refusal;

/** One repository's line: its pin, and a memo of the history on which no verdict depends. */
export interface Line {
  readonly pin: Pin;
  /**
   * s(tip). Throws `Failure` where an object is missing: that is `unavailable`, never a verdict.
   * Refused where the tip's first-parent chain does not reach the genesis (G9), or the pin does not hold.
   */
  state(tip: ObjectId): Promise<Verdict>;
  /** The accepted bytes of every scope that a state serves, parents before children: no tombstone, nothing withdrawn (G7). */
  scopes(state: LineState): Promise<readonly VerifiedScope[]>;
  /** First parents from `tip` down to `stop` (exclusive), newest first; null where the chain does not meet it. */
  chain(tip: ObjectId, stops: ReadonlySet<ObjectId>): Promise<readonly ObjectId[] | null>;
  readonly owns: ScopeTrees;
}

type Walk = { readonly bench: Bench; readonly states: { last: LineState } };

export function openLine(
  objects: Objects,
  digests: TreeDigests,
  pin: Pin,
  ruleset: Ruleset = ruleset1,
): Line {
  const owns = createScopeTrees(objects, digests, pin.path, ruleset);
  const checked: Bench['checked'] = new Map();
  const verified = new Map<string, Verified>();
  let last: Last = { scopes: [], served: [], above: new Map(), parents: new Set() };
  let walk: Walk | null = null;
  let turn: Promise<unknown> = Promise.resolve();

  const begin = async (): Promise<Walk | Refusal> => {
    const first = await genesisState(objects, digests, pin, ruleset);
    if ('ok' in first) return first;
    const history = await openHistory(objects, pin.commit, ruleset);
    const signed = { byPlace: new Map(), approvals: [], moved: [] };
    const bench = { history, owns, ruleset, checked, signed, speakers: new Map(), words: new Map() };
    return { bench, states: { last: first } };
  };

  const readBytes = async (scope: ScopeState, { records, owned }: From) => {
    const authority = authorityOf(scope, records, owned);
    return authority === null ? null : verifyScope(objects, owns, scope, authority);
  };

  const state = async (tip: ObjectId): Promise<Verdict> => {
    const last = walk?.states.last.tip;
    const stops = new Set([pin.commit, ...(last === undefined ? [] : [last])]);
    const chain = await firstParents(objects, tip, stops);
    if (chain === null)
      return { ok: false, rule: 'G9', reason: `${tip} does not descend from the genesis by first parents` };
    if (walk === null || chain.at(-1) !== last) {
      walk = null;
      const begun = await begin();
      if ('ok' in begun) return begun;
      walk = begun;
    }
    return advance(walk, chain);
  };

  const advance = async (current: Walk, chain: readonly ObjectId[]): Promise<Verdict> => {
    try {
      const ids = chain.slice(0, -1).reverse();
      const ahead = lookAhead({ objects, bench: current.bench, latest: () => current.states.last }, ids);
      for (const [at, id] of ids.entries()) {
        await ahead(at);
        await current.bench.history.extend(id);
        current.states.last = await fold(current.bench, current.states.last);
      }
    } catch (error) {
      walk = null;
      throw error;
    }
    return { ok: true, state: current.states.last };
  };

  return {
    pin,
    owns,
    state(tip) {
      const result = turn.then(() => state(tip));
      turn = result.catch(() => undefined);
      return result;
    },
    async scopes(state) {
      const scopes = [...state.scopes.values()];
      const edited = indexesApart(scopes, last.scopes);
      // What nobody stands below may change without a look at the others.
      const isLike =
        edited.every((at) => isLeafOf(last, at, scopes[at])) && scopes.length === last.scopes.length;
      const above = isLike ? last.above : new Map<string, VerifiedScope>();
      const served = isLike ? last.served.slice() : scopes.map(() => null);
      const records = new Map<string | null, readonly Delegation[]>([[null, NONE]]);
      for (const at of isLike ? edited : scopes.keys()) {
        const scope = scopes[at];
        served[at] = null;
        if (scope === undefined) continue;
        const { uid, parent } = scope;
        above.delete(uid);
        // No promise where none is needed: there are many scopes, and most stay as they are.
        if (!records.has(parent)) records.set(parent, await recordsOf(owns, state, parent));
        const from = { records: records.get(parent) ?? NONE, owned: above.get(parent ?? '')?.owns ?? null };
        const known = verified.get(uid);
        const isKnown = known !== undefined && isSame(known.scope, scope) && isFrom(known, from);
        const bytes = isKnown ? known.bytes : await readBytes(scope, from);
        if (bytes === null) continue;
        if (known?.scope !== scope || !isKnown) verified.set(uid, { ...from, scope, bytes });
        above.set(uid, bytes);
        served[at] = bytes;
      }
      for (const uid of verified.size > above.size ? [...verified.keys()] : [])
        if (!above.has(uid)) verified.delete(uid);
      const parents = isLike ? last.parents : new Set(scopes.map(({ parent }) => parent));
      last = { scopes, served, above, parents };
      return served.filter((bytes) => bytes !== null);
    },
    chain: (tip, stops) => firstParents(objects, tip, stops),
  };
}

/** What a scope's authority is made of: the records of its parent, and what that owns. */
type From = { readonly records: readonly Delegation[]; readonly owned: Authority | null };

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
  readonly above: Map<string, VerifiedScope>;
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

/** `tip`, its first parent, … down to the first of `stops`, which is the last element; null if none is met. */
async function firstParents(
  objects: Objects,
  tip: ObjectId,
  stops: ReadonlySet<ObjectId>,
): Promise<readonly ObjectId[] | null> {
  const chain: ObjectId[] = [];
  for (let id: ObjectId | undefined = tip; id !== undefined; ) {
    chain.push(id);
    if (stops.has(id)) return chain;
    const { parents }: { parents: readonly ObjectId[] } = await objects.commit(id);
    id = parents[0];
  }
  return null;
}

import { must } from '../base/must.ts';
import type { ObjectId, Objects, TreeDigests } from '../git/index.ts';
import { createScopeTrees, type Ruleset, ruleset1, type ScopeTrees } from '../policy/index.ts';
import { type Bench, lookAhead, openBench } from '../votes/index.ts';
import { type Earlier, earlierOf } from './earlier.ts';
import { fold } from './fold.ts';
import { genesisState, type Refusal } from './genesis.ts';
import { indexOf } from './locate.ts';
import { createServed } from './served.ts';
import type { LineState, Pin, VerifiedScope } from './types.ts';

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
  /** What the lineage of a scope that is served had accepted before (`earlierOf`), newest first. */
  earlier(state: LineState, now: VerifiedScope): IteratorObject<Earlier, undefined>;
  /** First parents from `tip` down to `stop` (exclusive), newest first; null where the chain does not meet it. */
  chain(tip: ObjectId, stops: ReadonlySet<ObjectId>): Promise<readonly ObjectId[] | null>;
  readonly owns: ScopeTrees;
}

type Walk = { readonly bench: Bench; last: LineState };

export function openLine(
  objects: Objects,
  digests: TreeDigests,
  pin: Pin,
  ruleset: Ruleset = ruleset1,
): Line {
  const owns = createScopeTrees(objects, digests, pin.path, ruleset);
  const checked: Bench['checked'] = new Map();
  let walk: Walk | null = null;
  let turn: Promise<unknown> = Promise.resolve();

  const begin = async (): Promise<Walk | Refusal> => {
    const first = await genesisState(objects, digests, pin, ruleset);
    if ('ok' in first) return first;
    return { bench: await openBench(objects, owns, pin.commit, checked), last: first };
  };

  const state = async (tip: ObjectId): Promise<Verdict> => {
    const last = walk?.last.tip;
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
      const latest = () => ({ ...current.last, ...indexOf(current.last) });
      const ahead = lookAhead({ objects, bench: current.bench, latest }, ids);
      for (const [at, id] of ids.entries()) {
        await ahead(at);
        await current.bench.history.extend(id);
        current.last = await fold(current.bench, current.last);
      }
    } catch (error) {
      walk = null;
      throw error;
    }
    return { ok: true, state: current.last };
  };

  return {
    pin,
    owns,
    state(tip) {
      const result = turn.then(() => state(tip));
      turn = result.catch(() => undefined);
      return result;
    },
    scopes: createServed(objects, owns),
    earlier: ({ scopes }, now) => earlierOf(objects, owns, must(scopes.get(now.uid)), now),
    chain: (tip, stops) => firstParents(objects, tip, stops),
  };
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

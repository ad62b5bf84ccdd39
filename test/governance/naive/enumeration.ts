import { expect } from 'vitest';
import { createTreeDigests } from '../../../src/git/index.ts';
import { type LineState, openLine } from '../../../src/governance/index.ts';
import { scopeYaml } from '../world.ts';
import { mainLine, naiveFacts, realFacts } from './facts.ts';
import type { Files } from './history.ts';
import { type Laundered, launderedVotes } from './laundered.ts';
import { own } from './own.ts';
import { createRepository, naiveStates } from './repository.ts';

/**
 * Every history of four commits after the genesis with one scope, once: a commit has one or two parents, of which the
 * order counts, one of three values, and the signature of the one anchor or none. Left out is what is another history
 * again: commits that the last one does not reach (155 shapes stay), the two values that are not the genesis's with
 * their names exchanged (41 stay of 81), and the history that nobody signed (15 of 16).
 */
export type Shape = {
  /** Of commits 1–4; 0 is the genesis. */
  readonly parents: readonly (readonly number[])[];
  readonly values: readonly number[];
  readonly signed: readonly boolean[];
};

const COMMITS = 4;

export function* allHistories(): Generator<Shape> {
  const values = product(COMMITS, () => [0, 1, 2]).filter(isInOrder);
  const signatures = product(COMMITS, () => [false, true]).filter((each) => each.includes(true));
  for (const parents of product(COMMITS, (at) => parentsOf(at + 1)).filter(isReached))
    for (const each of values) for (const signed of signatures) yield { parents, values: each, signed };
}

/** All lists of `length` in which the element at each place is one of those that `choices` names for it. */
function product<Value>(
  length: number,
  choices: (at: number) => readonly Value[],
): readonly (readonly Value[])[] {
  if (length === 0) return [[]];
  return product(length - 1, choices).flatMap((list) => choices(length - 1).map((last) => [...list, last]));
}

function parentsOf(commit: number): readonly (readonly number[])[] {
  const earlier = Array.from({ length: commit }, (_none, at) => at);
  const pairs = earlier.flatMap((first) => earlier.map((second) => [first, second]));
  return [...earlier.map((only) => [only]), ...pairs.filter(([first, second]) => first !== second)];
}

function isReached(parents: readonly (readonly number[])[]): boolean {
  const reached = new Set([COMMITS]);
  for (let commit = COMMITS; commit > 0; commit -= 1)
    if (reached.has(commit)) for (const parent of parents[commit - 1] ?? []) reached.add(parent);
  return reached.size === COMMITS + 1;
}

/** The value 2 comes after the value 1. */
function isInOrder(values: readonly number[]): boolean {
  const [one, two] = [values.indexOf(1), values.indexOf(2)];
  return two < 0 || (one >= 0 && one < two);
}

/** Both implementations judge histories of one repository, in which histories share their commits. */
export async function openEnumeration() {
  const repository = createRepository();
  const scope = scopeYaml({ anchors: ['x'], quorum: '{ threshold: 1 }' });
  const trees: readonly Files[] = ['0', '1', '2'].map(
    (value) =>
      new Map([
        ['mesh/scope.yaml', scope],
        ['mesh/v.yaml', value],
      ]),
  );
  const commit = (parents: readonly string[], value: number, by: string | null) =>
    repository.commit({ parents, files: trees[value] ?? new Map(), by });
  const genesis = commit([], 0, null);
  const pin = await repository.pin(genesis);
  const digests = createTreeDigests(repository.objects);
  const idsOf = ({ parents, values, signed }: Shape): readonly string[] => {
    const ids = [genesis];
    for (const [at, above] of parents.entries()) {
      const known = above.map((parent) => ids[parent] ?? '');
      ids.push(commit(known, values[at] ?? 0, signed[at] === true ? 'x' : null));
    }
    return ids;
  };
  return {
    build: (shape: Shape): string => idsOf(shape).at(-1) ?? genesis,
    /** Fails where they differ; else what the product accepted, and who was laundered. */
    async judge(
      tip: string,
    ): Promise<{ readonly accepted: number; readonly laundered: readonly Laundered[] }> {
      const main = mainLine(repository, genesis, tip);
      const naive = naiveStates(repository, genesis, tip);
      const line = openLine(repository.objects, digests, pin);
      const real: LineState[] = [];
      for (const id of main) {
        const verdict = await line.state(id);
        if (!verdict.ok) throw new Error(verdict.reason);
        real.push(verdict.state);
      }
      const [ours, theirs] = [real.map(realFacts), naive.map((state) => naiveFacts(state, main))];
      if (JSON.stringify(ours) !== JSON.stringify(theirs)) expect(ours).toEqual(theirs);
      const lineage = real.at(-1)?.scopes.get(pin.uid)?.lineage ?? [];
      const accepted = lineage.filter(({ event }) => event === 'accepted');
      return {
        accepted: accepted.length,
        laundered: launderedVotes({ repository, genesis, tip, place: '' }, accepted),
      };
    },
    /** What the search finds in a history in which the signature of one commit, alone, were an acceptance at the last. */
    hadItCounted(shape: Shape, vote: number): readonly Laundered[] {
      const ids = idsOf(shape);
      const base = own(trees[0] ?? new Map(), '')?.digest ?? null;
      const tip = ids.at(-1) ?? genesis;
      const votes = [{ commit: ids[vote] ?? genesis, form: 'implicit' }];
      return launderedVotes({ repository, genesis, tip, place: '' }, [{ commit: tip, base, votes }]);
    },
  };
}

import type { LineageEntry } from '../../../src/governance/index.ts';
import { commitOf, introOf, lineOf, mainAt, mergeBases } from './history.ts';
import { own } from './own.ts';
import type { Repository } from './repository.ts';

export type Laundered = { readonly vote: string; readonly shownFrom: string };

type Where = {
  readonly repository: Repository;
  readonly genesis: string;
  readonly tip: string;
  readonly uid: string;
};

/**
 * Accepted implicit votes whose signer could have been shown a diff that does not begin at the accepted state. A forge
 * shows `merge-base(main, c) … c`: so main is put at every main-line commit from the epoch until c came in, and each
 * merge base that git would name must hold what was accepted. For a scope that never moves: it is the root.
 */
export function launderedVotes(where: Where, lineage: readonly LineageEntry[]): readonly Laundered[] {
  const { repository, genesis, tip } = where;
  const line = lineOf({ ...repository, genesis }, tip);
  const found: Laundered[] = [];
  let epoch = 0;
  for (const { event, commit, votes, base } of lineage) {
    if (event !== 'accepted') continue;
    for (const vote of votes.filter(({ form }) => form === 'implicit')) {
      for (let at = epoch; at < introOf(line, vote.commit); at += 1) {
        for (const shownFrom of mergeBases(line.commits, mainAt(line, at).id, vote.commit))
          if (own(commitOf(line.commits, shownFrom).files, '')?.digest !== base)
            found.push({ vote: vote.commit, shownFrom });
      }
    }
    epoch = introOf(line, commit);
  }
  return found;
}

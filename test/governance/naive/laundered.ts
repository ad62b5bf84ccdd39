import { commitOf, introOf, lineOf, mainAt, mergeBases } from './history.ts';
import { own } from './own.ts';
import type { Repository } from './repository.ts';

export type Laundered = { readonly vote: string; readonly shownFrom: string };

/** A mutation of a scope, as its lineage tells it. */
export type Acceptance = {
  readonly commit: string;
  readonly base: string | null;
  readonly votes: readonly { readonly commit: string; readonly form: string }[];
};

type Where = {
  readonly repository: Repository;
  readonly genesis: string;
  readonly tip: string;
  /** Where the scope has been all the time. */
  readonly place: string;
};

/**
 * Accepted implicit votes whose signer could have been shown a diff that does not begin at the accepted state. A forge
 * shows `merge-base(main, c) … c`: so main is put at every main-line commit from the epoch until c came in, and each
 * merge base that git would name must hold what was accepted.
 */
export function launderedVotes(where: Where, acceptances: readonly Acceptance[]): readonly Laundered[] {
  const { repository, genesis, tip, place } = where;
  const line = lineOf({ ...repository, genesis }, tip);
  const found: Laundered[] = [];
  let epoch = 0;
  for (const { commit, votes, base } of acceptances) {
    for (const vote of votes.filter(({ form }) => form === 'implicit')) {
      for (let at = epoch; at < introOf(line, vote.commit); at += 1) {
        for (const shownFrom of mergeBases(line.commits, mainAt(line, at).id, vote.commit))
          if (own(commitOf(line.commits, shownFrom).files, place)?.digest !== base)
            found.push({ vote: vote.commit, shownFrom });
      }
    }
    epoch = introOf(line, commit);
  }
  return found;
}

import type { Ballot, Refused, Vote } from '../votes/index.ts';
import type { Quorum } from './quorum.ts';
import type { ScopeState } from './types.ts';

/** What a hold says of a quorum that is short. Words for people, of objects ≤ mi alone: no verdict depends on them. */
type Why = { readonly rule: string; readonly reason: string };

/**
 * The numbers and names, and what became of signatures that whoever looks at the forge believes to be there: the commit that
 * would have completed the quorum, a mutation that was accepted first, or a button that leaves none.
 */
export function whyShort(
  { epoch }: ScopeState,
  { votes, refused }: Ballot,
  quorum: Quorum,
  competing: readonly Vote[],
): Why {
  const decisive = refused.find(({ anchor, rule }) =>
    anchor === null ? rule === 'G1' : quorum.missing.includes(anchor),
  );
  if (decisive !== undefined)
    return { rule: decisive.rule, reason: `${quorum.reason}; ${explainRefused(decisive)}` };
  const late = new Set(competing.map(({ anchor }) => anchor));
  const again = quorum.missing.filter((name) => late.has(name));
  const first = `another mutation was accepted first, at ${epoch.commit}: ${again.join(' and ')} must sign again`;
  const lost = 'where a squash, a rebase or an edit on the forge dropped signatures, run `fairlead approve`';
  const more = again.length > 0 ? first : votes.length === 0 ? lost : null;
  return { rule: 'Quorum', reason: more === null ? quorum.reason : `${quorum.reason}; ${more}` };
}

function explainRefused({ anchor, commit, rule, reason }: Refused): string {
  const whose = anchor === null ? '' : ` of ${anchor}`;
  return `the commit ${commit}${whose} does not count (${rule}): ${reason}`;
}

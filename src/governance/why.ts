import { signerOf } from '../signatures/index.ts';
import { isAfter, statementFor } from './history.ts';
import type { Quorum } from './quorum.ts';
import type { Refused, ScopeState } from './types.ts';
import type { Ballot, Bench } from './votes.ts';
import { NOTED } from './words.ts';

/** What a hold says of a quorum that is short. Words for people, of objects ≤ mi alone: no verdict depends on them. */
export type Why = { readonly rule: string; readonly reason: string };

/**
 * The numbers and names, and what became of signatures that whoever looks at the forge believes to be there: the commit that
 * would have completed the quorum, a mutation that was accepted first, or a button that leaves none.
 */
export function whyShort(bench: Bench, scope: ScopeState, ballot: Ballot, quorum: Quorum): Why {
  const decisive = ballot.refused.find(({ anchor, rule }) =>
    anchor === null ? rule === 'G1' : quorum.missing.includes(anchor),
  );
  if (decisive !== undefined)
    return { rule: decisive.rule, reason: `${quorum.reason}; ${explainRefused(decisive)}` };
  const late = signedTooEarly(bench, scope).filter((name) => quorum.missing.includes(name));
  if (late.length > 0) {
    const what = `another mutation was accepted first, at ${scope.epoch.commit}`;
    return { rule: 'Quorum', reason: `${quorum.reason}; ${what}: ${late.join(' and ')} must sign again` };
  }
  const lost = 'where a squash, a rebase or an edit on the forge dropped signatures, run `fairlead approve`';
  const reason = ballot.votes.length === 0 ? `${quorum.reason}; ${lost}` : quorum.reason;
  return { rule: 'Quorum', reason };
}

function explainRefused({ anchor, commit, rule, reason }: Refused): string {
  const whose = anchor === null ? '' : ` of ${anchor}`;
  return `the commit ${commit}${whose} does not count (${rule}): ${reason}`;
}

/** Anchors whose signed commits about the scope came in since its epoch, and began before it. */
function signedTooEarly({ history, signed }: Bench, scope: ScopeState): readonly string[] {
  const { uid, seq, accepted, directory, epoch, policy } = scope;
  const said = (history.spoken.get(uid)?.get(seq) ?? []).slice(-NOTED).filter(({ statements }) => {
    const statement = statementFor(statements, uid);
    return statement?.kind === 'approve' && statement.next !== accepted.digest;
  });
  const plain = (signed.byPlace.get(directory) ?? []).slice(-NOTED);
  const early = [...said.map(({ visit }) => visit), ...plain].filter(
    (visit) => visit.intro > epoch.index && !isAfter(visit, epoch.index),
  );
  const keys = policy.anchors.flatMap((anchor) => anchor.keys);
  const used = early.map(({ commit: { signature } }) => signature && signerOf(signature, keys));
  const hasSigned = policy.anchors.filter((anchor) => anchor.keys.some((key) => used.includes(key)));
  return hasSigned.map(({ name }) => name);
}

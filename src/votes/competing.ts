import { isAfter, type Said, statementFor, type Visit } from './history.ts';
import { type Claim, check, claimsOf, electorate } from './signer.ts';
import { treeIn } from './speakers.ts';
import type { Vote, VotingScope } from './types.ts';
import { type Bench, formOf, toVote } from './votes.ts';
import { NOTED } from './words.ts';

/**
 * Votes for another mutation than the accepted one of the same number, which came in after it: that two were signed from one
 * epoch is kept, with the signatures (G20). Of a flood, the last ones.
 */
export async function competing(bench: Bench, scope: VotingScope): Promise<readonly Vote[]> {
  const { uid, seq, directory, epoch } = scope;
  const { history, signed } = bench;
  const isLate = ({ intro }: Visit) => intro > epoch.index;
  const said = (history.spoken.get(uid)?.get(seq) ?? []).filter(({ visit }) => isLate(visit));
  const plain = (signed.byPlace.get(directory) ?? []).filter(isLate);
  const found = new Map<string, Vote>();
  for (const { claim, form, group } of [
    ...said.slice(-NOTED).flatMap((saying) => saidOther(scope, saying)),
    ...(await Promise.all(plain.slice(-NOTED).map((visit) => showedOther(bench, scope, visit)))).flat(),
  ])
    if ((await check(bench.checked, claim)).ok)
      found.set(`${claim.anchor.name} ${claim.visit.commit.id}`, toVote(claim, form, group));
  return [...found.values()];
}

type Other = { readonly claim: Claim; readonly form: Vote['form']; readonly group: string | null };

function saidOther({ policy, accepted }: VotingScope, saying: Said): readonly Other[] {
  const { statement } = saying;
  if (statement.kind !== 'approve' || statement.next === accepted.digest) return [];
  const claims = claimsOf(saying.visit, electorate(policy, null), saying.token);
  return claims.map((claim) => ({ claim, form: formOf(saying), group: statement.group }));
}

/** A plain signed commit that began before the epoch, and shows other bytes than were accepted. */
async function showedOther(bench: Bench, scope: VotingScope, visit: Visit): Promise<readonly Other[]> {
  const { uid, epoch, policy, accepted } = scope;
  if (isAfter(visit, epoch.index) || statementFor(visit.statements, uid) !== null) return [];
  const claims = claimsOf(visit, electorate(policy, null));
  if (claims.length === 0) return [];
  const own = await bench.owns.read(await treeIn(bench, scope, visit));
  if (!own.ok || own.digest === accepted.digest) return [];
  return claims.map((claim) => ({ claim, form: 'implicit', group: null }));
}

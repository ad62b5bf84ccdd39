import type { ObjectId } from '../git/index.ts';
import { changes, classify } from '../policy/index.ts';
import { isAfter, type Said, statementFor, type Visit } from './history.ts';
import { type Claim, check, claimsOf, electorate } from './signer.ts';
import { treeIn } from './speakers.ts';
import type { Vote, VotingScope } from './types.ts';
import { type Bench, formOf, toVote } from './votes.ts';
import { NOTED } from './words.ts';

/** The main-line commits at which its mutations were accepted, oldest first, are in the lineage of a scope. */
type Scope = VotingScope & {
  readonly lineage: readonly { readonly event: string; readonly commit: ObjectId }[];
};

/** What was heard since an epoch. Grows with the history; each commit is looked at once. */
export type Rivals = {
  readonly since: string;
  readonly said: Heard;
  readonly plain: Heard;
  readonly fences: ReadonlyMap<string, number>;
};

type Heard = {
  next: number;
  /** How many claims were looked at of what came in with one main-line commit. */
  looked: { readonly intro: number; claims: number };
  readonly votes: Map<string, Vote>;
};

/** What may be a vote for another mutation; its cheap half, before a tree is read or a signature checked. */
type Rival = {
  readonly visit: Visit;
  readonly claims: readonly Claim[];
  readonly form: Vote['form'];
  readonly group: string | null;
  readonly round: number;
};

/**
 * Votes for another mutation than the accepted one of the same number, which came in after it: that two were signed from one
 * epoch is kept, with the signatures (G20). Of a flood, the first ones.
 */
export async function competing(bench: Bench, scope: Scope): Promise<readonly Vote[]> {
  const { uid, seq, directory, epoch, places } = scope;
  const since = JSON.stringify([epoch.commit, places]);
  const known = bench.rivals.get(uid);
  const sayings = bench.history.spoken.get(uid)?.get(seq) ?? [];
  const shown = bench.signed.byPlace.get(directory) ?? [];
  const begun = async () => ({
    since,
    said: begin(sayings.map(visitOf), epoch),
    plain: begin(shown, epoch),
    fences: await fencesOf(bench, scope, sayings),
  });
  const rivals = known?.since === since ? known : await begun();
  bench.rivals.set(uid, rivals);
  const { said, plain, fences } = rivals;
  for (const saying of sayings.slice(said.next)) await hear(bench, said, saidOther(scope, saying), fences);
  for (const visit of shown.slice(plain.next)) {
    const rival = showedOther(bench, scope, visit);
    const isOther = isIn(plain, rival) && (await showsOther(bench, scope, visit));
    if (isOther) await hear(bench, plain, rival, fences);
  }
  [said.next, plain.next] = [sayings.length, shown.length];
  return [...said.votes.values(), ...plain.votes.values()];
}

function visitOf({ visit }: Said): Visit {
  return visit;
}

function begin(visits: readonly Visit[], epoch: VotingScope['epoch']): Heard {
  const next = visits.findLastIndex(({ intro }) => intro <= epoch.index) + 1;
  return { next, looked: { intro: -1, claims: 0 }, votes: new Map() };
}

/** Whether there is anything to look at, and room for it. */
function isIn({ looked, votes }: Heard, { visit, claims }: Rival): boolean {
  const before = looked.intro === visit.intro ? looked.claims : 0;
  return claims.length > 0 && votes.size < NOTED && before < NOTED;
}

async function hear(bench: Bench, heard: Heard, rival: Rival, fences: Rivals['fences']): Promise<void> {
  if (!isIn(heard, rival)) return;
  const { visit, claims, form, group, round } = rival;
  if (heard.looked.intro !== visit.intro) heard.looked = { intro: visit.intro, claims: 0 };
  heard.looked.claims += claims.length;
  for (const claim of claims) {
    const { name } = claim.anchor;
    const isTheirs = round > (fences.get(name) ?? -1) && (await check(bench, claim)).ok;
    if (isTheirs) heard.votes.set(`${name} ${visit.commit.id}`, toVote(claim, form, group));
  }
}

function saidOther({ policy, accepted }: Scope, saying: Said): Rival {
  const { statement, visit, token } = saying;
  const isOther = statement.kind === 'approve' && statement.next !== accepted.digest;
  const claims = isOther ? claimsOf(visit, electorate(policy, null), token) : [];
  const group = statement.kind === 'approve' ? statement.group : null;
  return { visit, claims, form: formOf(saying), group, round: statement.round };
}

/** A plain signed commit of the epoch that the accepted mutation ended (V2), where such ones are votes at all (I1). */
function showedOther({ history }: Bench, { uid, epoch, policy, lineage }: Scope, visit: Visit): Rival {
  const before = lineage.filter(({ event }) => event === 'accepted' || event === 'genesis').at(-2);
  const index = history.visits.get(before?.commit ?? '')?.intro ?? epoch.index;
  const isOfEpoch = isAfter(visit, index) && !isAfter(visit, epoch.index);
  const isMute = policy.statements === 'Required' || statementFor(visit.statements, uid) !== null;
  const claims = isOfEpoch && !isMute ? claimsOf(visit, electorate(policy, null)) : [];
  return { visit, claims, form: 'implicit', group: null, round: 0 };
}

/** Whether it speaks about the scope (I3), and means other bytes than were accepted, and than the line had where it began. */
async function showsOther(bench: Bench, scope: Scope, visit: Visit): Promise<boolean> {
  const { history, owns } = bench;
  const { commit, base } = visit;
  const [first, line] = [commit.parents[0], history.main[base]].map((id) => history.visits.get(id ?? ''));
  if (first === undefined || line === undefined) return false;
  const own = await owns.read(await treeIn(bench, scope, visit));
  const from = await owns.read(await treeIn(bench, scope, line));
  if (!own.ok || !from.ok || own.digest === scope.accepted.digest || own.digest === from.digest) return false;
  if (classify(changes(from.files, own.files)) !== 'update') return false;
  if (commit.parents.length === 1 && first.commit.tree === commit.tree) return true;
  const parent = await owns.read(await treeIn(bench, scope, first));
  return !parent.ok || parent.digest !== own.digest;
}

/** V3: what was withdrawn before the other mutation was accepted was no vote any more; the highest round, by anchor. */
async function fencesOf(
  bench: Bench,
  { epoch, policy }: Scope,
  sayings: readonly Said[],
): Promise<Rivals['fences']> {
  const fences = new Map<string, number>();
  for (const { statement, visit, token } of sayings) {
    if (statement.kind !== 'withdraw' || visit.intro > epoch.index) continue;
    for (const claim of claimsOf(visit, electorate(policy, null), token)) {
      const { name } = claim.anchor;
      const round = Math.max(statement.round, fences.get(name) ?? 0);
      if ((await check(bench, claim)).ok) fences.set(name, round);
    }
  }
  return fences;
}

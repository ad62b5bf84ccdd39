import { must } from '../base/must.ts';
import type { ObjectId } from '../git/index.ts';
import { withThoseAbove } from '../policy/index.ts';
import { sideViews, type Visit } from './history.ts';
import { type Claim, claimsOf, electorate } from './signer.ts';
import type { VotingScope } from './types.ts';
import type { Bench } from './votes.ts';
import { NOTED } from './words.ts';

type Against = { readonly rule: string; readonly text: string };

/** A signed commit that speaks about a scope (I3); `claim` null: by a key of no anchor, or one that G1 refuses. */
export type Speaker = {
  readonly visit: Visit;
  readonly claim: Claim | null;
  /** I4, which only what came in before the commit decides: a memo. */
  view?: Promise<Against | null>;
};

/**
 * Signed commits by the place at which they change something, and those that change nothing at all (approvals) by the
 * place at which they differ from the line that they stand on, in line order: where to look for those that speak about
 * a scope (I3). Most commits of a repository are about other scopes. An approval that shows a scope as the line had it
 * says something only where the line was not clean: for those, `approvals` has them all.
 */
export type Signed = {
  readonly byPlace: Map<string, Visit[]>;
  readonly approvals: Visit[];
  /** Where scopes were to move, at which main-line commits. */
  readonly moved: { readonly index: number; readonly directories: readonly string[] }[];
};

/**
 * Sorts what the last main-line commit brought in, by `places` of s(i-1), with the directories above them, and those to which it
 * may move scopes.
 */
export async function sortSigned(
  { history, owns, signed }: Bench,
  places: ReadonlySet<string>,
  to: readonly string[],
): Promise<void> {
  const directories = to.length === 0 ? places : new Set([...places, ...to.flatMap(withThoseAbove)]);
  if (to.length > 0) signed.moved.push({ index: history.main.length - 1, directories: to });
  // What is over a cap never votes (G17).
  const fresh = history.mute.has(history.main.length - 1) ? [] : must(history.byIntro.at(-1));
  for (const visit of fresh) {
    const { commit } = visit;
    const parent = history.visits.get(commit.parents[0] ?? '');
    const first = parent?.commit;
    if ((commit.signature === null && commit.refusal === null) || first === undefined) continue;
    // Whoever says in words what they mean, or carries another's, means no other scope (decisions 0014 and 0015).
    const isApproval = commit.parents.length === 1 && first.tree === commit.tree;
    if (isApproval && (visit.statements.length > 0 || visit.carriesToken)) continue;
    if (isApproval) signed.approvals.push(visit);
    const line = history.visits.get(history.main[visit.base] ?? '')?.commit;
    const before = isApproval ? line : first;
    if (before === undefined) continue;
    const apart = new Set(await owns.apart(before.tree, commit.tree, directories));
    // Where a scope came to stand between a commit and its first parent, it shows a change, whatever the trees.
    for (const move of isApproval ? [] : signed.moved)
      if (parent !== undefined && parent.base < move.index && move.index <= visit.base)
        for (const directory of move.directories) apart.add(directory);
    for (const place of apart) {
      const known = signed.byPlace.get(place);
      if (known === undefined) signed.byPlace.set(place, [visit]);
      else known.push(visit);
    }
  }
}

/**
 * Who speaks about one scope since its epoch, by what they show: the own digest, or the tree id where a stranger
 * signed, for whom nothing is read. Grows with the history; each commit is looked at once for each epoch (G17).
 */
export type Speakers = {
  /** The epoch and the places. */
  readonly since: string;
  readonly byShown: Map<string, Speaker[]>;
  /** How many of the signed commits at each place, and of the approvals, were heard. */
  readonly heard: Map<string, number>;
  readonly approved: Set<Visit>;
};

/** The commits since the epoch that show `next` (enforces I2) and say something about the scope (I3), in line order. */
export async function speakersFor(
  bench: Bench,
  scope: VotingScope,
  next: string,
  tree: ObjectId,
): Promise<readonly Speaker[]> {
  const { signed, speakers } = bench;
  const since = JSON.stringify([scope.epoch.commit, scope.places]);
  const known = speakers.get(scope.uid);
  const begun = { since, byShown: new Map(), heard: new Map(), approved: new Set<Visit>() };
  const found = known?.since === since ? known : begun;
  speakers.set(scope.uid, found);
  for (const place of new Set(scope.places.map(({ directory }) => directory)))
    for (const visit of unheard(found, scope, place, signed.byPlace.get(place) ?? []))
      if (placeAt(scope, visit.base) === place) await hear(bench, scope, found, visit);
  const { unclean } = scope;
  if (unclean !== null)
    for (const visit of unheard(found, scope, 'approvals/', signed.approvals))
      if (visit.base >= unclean.index) await hear(bench, scope, found, visit);
  const shown = [...(found.byShown.get(next) ?? []), ...(found.byShown.get(tree) ?? [])];
  return shown.sort((left, right) => left.visit.order - right.visit.order);
}

/** What of a list came in since the epoch and was not heard yet; from here on it was. */
function unheard(
  { heard }: Speakers,
  { epoch }: VotingScope,
  list: string,
  visits: readonly Visit[],
): readonly Visit[] {
  const start = heard.get(list) ?? visits.findLastIndex(({ intro }) => intro <= epoch.index) + 1;
  heard.set(list, visits.length);
  return visits.slice(start);
}

/**
 * The directory that a scope had in s(k), k the greatest with mk ≤ x (I2–I4); null where there was no such scope. What
 * began before the genesis is read where the scope stood there.
 */
function placeAt({ places }: VotingScope, k: number): string | null {
  return places.findLast(({ index }) => index <= Math.max(k, 0))?.directory ?? null;
}

/** The scope's tree as a commit has it; null where it is absent. */
export async function treeIn(
  { owns }: Bench,
  scope: VotingScope,
  { commit, base }: Visit,
): Promise<ObjectId | null> {
  const place = placeAt(scope, base);
  return place === null ? null : owns.place(commit.tree, place);
}

/** Enforces I3: what a commit merely carries along, it does not speak about. */
async function hear(bench: Bench, scope: VotingScope, found: Speakers, visit: Visit): Promise<void> {
  const { commit } = visit;
  const first = must(bench.history.visits.get(must(commit.parents[0])));
  if (found.approved.has(visit)) return;
  const isApproval = commit.parents.length === 1 && first.commit.tree === commit.tree;
  if (isApproval) found.approved.add(visit);
  const tree = await treeIn(bench, scope, visit);
  const before = isApproval ? null : await treeIn(bench, scope, first);
  if (tree === null || tree === before) return;
  const [claim = null] = claimsOf(visit, electorate(scope.policy, null));
  let shown = tree;
  if (claim !== null || commit.refusal !== null) {
    const own = await bench.owns.read(tree);
    const old = before === null ? null : await bench.owns.read(before);
    if (!own.ok || (old?.ok === true && old.digest === own.digest)) return;
    shown = own.digest;
  }
  const others = found.byShown.get(shown);
  if (others === undefined) found.byShown.set(shown, [{ visit, claim }]);
  else if (claim !== null || others.length < NOTED) others.push({ visit, claim });
}

/** I4: why the view of a commit is not clean, or null. */
export function viewRefusal(bench: Bench, scope: VotingScope, speaker: Speaker): Promise<Against | null> {
  speaker.view ??= uncleanView(bench, scope, speaker.visit);
  return speaker.view;
}

/** Enforces I4: whoever signed must have been shown a difference that starts from the accepted state. */
async function uncleanView(bench: Bench, scope: VotingScope, visit: Visit): Promise<Against | null> {
  const { unclean, accepted, epoch } = scope;
  if (unclean !== null && unclean.index <= visit.base && unclean.index < visit.intro)
    return against(scope, unclean.commit);
  for (const view of sideViews(bench.history, visit, epoch.index)) {
    const own = await bench.owns.read(await treeIn(bench, scope, view));
    if (!own.ok || own.digest !== accepted.digest) return against(scope, view.commit.id);
  }
  return null;
}

function against({ directory }: VotingScope, commit: ObjectId): Against {
  const place = directory === '' ? 'the scope' : directory;
  const text = `its branch started from ${commit}, where ${place} was not in its accepted state: run \`fairlead approve\``;
  return { rule: 'I4', text };
}

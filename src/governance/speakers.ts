import type { ObjectId } from '../git/index.ts';
import { sideViews, type Visit } from './history.ts';
import { type Claim, claimsOf, electorate } from './signer.ts';
import type { ScopeState } from './types.ts';
import type { Bench } from './votes.ts';

type Against = { readonly rule: string; readonly text: string };

/** A signed commit that speaks about a scope (I3); `claim` null: by a key of no anchor, or one that G1 refuses. */
export type Speaker = {
  readonly visit: Visit;
  readonly claim: Claim | null;
  /** I4, which only what came in before the commit decides: a memo. */
  view?: Promise<Against | null>;
};

/**
 * Who speaks about one scope since its epoch, by what they show: the own digest, or the tree id where a stranger
 * signed, for whom nothing is read. Grows with the history; each commit is looked at once for each epoch (G17).
 */
export type Speakers = {
  readonly epoch: ObjectId;
  readonly byShown: Map<string, Speaker[]>;
  intros: number;
};

/** The commits since the epoch that show `next` (I2) and say something about the scope (I3), in line order. */
export async function speakersFor(
  bench: Bench,
  scope: ScopeState,
  next: string,
  tree: ObjectId,
): Promise<readonly Speaker[]> {
  const known = bench.speakers.get(scope.uid);
  const epoch = scope.epoch.commit;
  const found: Speakers =
    known?.epoch === epoch ? known : { epoch, byShown: new Map(), intros: scope.epoch.index + 1 };
  bench.speakers.set(scope.uid, found);
  for (; found.intros < bench.history.byIntro.length; found.intros += 1) {
    for (const visit of bench.history.byIntro[found.intros] ?? []) await hear(bench, scope, found, visit);
  }
  const shown = [...(found.byShown.get(next) ?? []), ...(found.byShown.get(tree) ?? [])];
  return shown.sort((left, right) => left.visit.intro - right.visit.intro);
}

async function hear(bench: Bench, scope: ScopeState, found: Speakers, visit: Visit): Promise<void> {
  const { commit } = visit;
  if (commit.signature === null && commit.refusal === null) return;
  const first = bench.history.visits.get(commit.parents[0] ?? '')?.commit;
  if (first === undefined) return;
  const { directory } = scope.accepted;
  const tree = await bench.owns.place(commit.tree, directory);
  const isApproval = commit.parents.length === 1 && first.tree === commit.tree;
  const before = isApproval ? null : await bench.owns.place(first.tree, directory);
  // One tree has one digest: most commits of a repository are about other scopes, and end here.
  if (tree === null || tree === before) return;
  const [claim = null] = claimsOf(visit, electorate(scope, null));
  let shown = tree;
  if (claim !== null || commit.refusal !== null) {
    const own = await bench.owns.read(tree);
    if (!own.ok) return;
    const old = before === null ? null : await bench.owns.read(before);
    if (old?.ok === true && old.digest === own.digest) return;
    shown = own.digest;
  }
  const others = found.byShown.get(shown);
  if (others === undefined) found.byShown.set(shown, [{ visit, claim }]);
  else others.push({ visit, claim });
}

/** I4: why the view of a commit is not clean, or null. */
export function viewRefusal(bench: Bench, scope: ScopeState, speaker: Speaker): Promise<Against | null> {
  speaker.view ??= uncleanView(bench, scope, speaker.visit);
  return speaker.view;
}

/** I4: whoever signed must have been shown a difference that starts from the accepted state. */
async function uncleanView(bench: Bench, scope: ScopeState, visit: Visit): Promise<Against | null> {
  const { unclean, accepted, epoch } = scope;
  if (unclean !== null && unclean.index <= visit.base && unclean.index < visit.intro)
    return against(scope, unclean.commit);
  for (const { commit } of sideViews(bench.history, visit, epoch.index)) {
    const own = await bench.owns.own(commit.tree, accepted.directory);
    if (!own.ok || own.digest !== accepted.digest) return against(scope, commit.id);
  }
  return null;
}

function against({ accepted: { directory } }: ScopeState, commit: ObjectId): Against {
  const place = directory === '' ? 'the scope' : directory;
  const text = `its branch started from ${commit}, where ${place} was not in its accepted state: run \`fairlead approve\``;
  return { rule: 'I4', text };
}

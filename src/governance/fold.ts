import { must } from '../base/must.ts';
import { type Bench, type History, sortSigned } from '../votes/index.ts';
import { applyAll } from './apply.ts';
import { judgeAll, type Now, type Verdict } from './judge.ts';
import { indexOf, type Move, relocate, siteOf } from './locate.ts';
import { proposedMoves, survey } from './survey.ts';
import type { LineState, ScopeState } from './types.ts';

/**
 * s(i) from s(i-1): Evaluation at mi, where `bench.history` ends at mi; the numbers are its steps. A failure holds one
 * scope with a reason (enforces G18); only a missing object throws, and then there is no verdict at all.
 */
export async function fold(bench: Bench, state: LineState): Promise<LineState> {
  const now = nowOf(bench, state);
  const touched = await touchedBy(bench, state, now);
  // 1. Policies, places and epochs are those of `state`: nothing below reads any other.
  // 2. Locate: with the moves that records propose, as long as all of them are accepted.
  let moves = await proposedMoves(siteOf(bench.owns, state, now.tree, new Map()), touched);
  const to = [...relocate(state, moves).values()].map(({ directory }) => directory);
  await sortSigned(bench, indexOf(state).directories, to);
  const apart = new Map<string, Verdict>();
  for (let round = 0; ; round += 1) {
    const site = siteOf(bench.owns, state, now.tree, moves);
    // 3. Candidates, classes, structural groups.
    const cases = await survey(site, [...touched, ...site.located.keys()], apart);
    // 4. Votes for every candidate, and 5. the groups that hold.
    const verdicts = await judgeAll(bench, state, now, cases, apart);
    const failed = [...moves.values()].filter(({ by }) => verdicts.get(by)?.outcome.kind !== 'accepted');
    // 6. All at once.
    if (failed.length === 0) {
      // A move that stays proposed is there again at the next commit: kept, each would be one more, for as long as it is held.
      if (moves.size === 0 && bench.signed.moved.at(-1)?.index === now.index) bench.signed.moved.pop();
      const next = await applyAll(bench, site, now, verdicts);
      keepRestless(bench.history, state.scopes, next.scopes, verdicts.keys());
      return next;
    }
    const refused = round < ROUNDS ? ofThemselves(state.scopes, failed) : failed;
    for (const { by } of refused) {
      const verdict = verdicts.get(by);
      // Who would itself have stood elsewhere is judged anew, at its old place.
      if (verdict?.outcome.kind === 'held' && !site.located.has(by)) apart.set(by, verdict);
    }
    const gone = new Set(refused);
    moves = new Map([...moves].filter(([, move]) => !gone.has(move)));
  }
}

/** As many as scopes may stand above one; beyond, moves that stand in each other's way are all refused. */
const ROUNDS = 16;

/**
 * The moves that failed at their own places: what another failing one took away, with the scope that proposes or gives, is tried
 * again without that one. So a path that a stranger edits holds no move of those below it.
 */
function ofThemselves(scopes: Scopes, failed: readonly Move[]): readonly Move[] {
  const takers = new Map(failed.map(({ uid, by }) => [uid, by]));
  const isTaken = (uid: string | null, by: string): boolean => {
    if (uid === null) return false;
    return (takers.get(uid) ?? by) !== by || isTaken(scopes.get(uid)?.parent ?? null, by);
  };
  const found = failed.filter(
    ({ uid, by }) => !isTaken(by, by) && !isTaken(scopes.get(uid)?.parent ?? null, by),
  );
  return found.length > 0 ? found : failed;
}

function nowOf({ history }: Bench, { index }: LineState): Now {
  const { commit } = must(history.byIntro[index + 1]?.at(-1));
  return { id: commit.id, index: index + 1, tree: commit.tree };
}

/** The scopes that mi may say anything about: most of a repository's stay as they are, and nothing is read of them. */
async function touchedBy(
  { history, owns }: Bench,
  state: LineState,
  { tree }: Now,
): Promise<ReadonlySet<string>> {
  const before = must(history.visits.get(state.tip)).commit;
  const { directories, byDirectory } = indexOf(state);
  const touched = new Set(restlessOf(history, state.scopes));
  for (const uid of history.lately) if (state.scopes.has(uid)) touched.add(uid);
  for (const place of await owns.apart(before.tree, tree, directories)) {
    const uid = byDirectory.get(place);
    if (uid !== undefined) touched.add(uid);
  }
  return touched;
}

type Scopes = LineState['scopes'];

/** Scopes that are looked at even where mi changes nothing: they are held, or their next mutation was spoken of. */
const restless = new WeakMap<Scopes, ReadonlySet<string>>();

function isRestless({ spoken }: History, { uid, seq, hold, status }: ScopeState): boolean {
  return status !== 'Tombstone' && (hold !== null || spoken.get(uid)?.has(seq + 1) === true);
}

function restlessOf(history: History, scopes: Scopes): ReadonlySet<string> {
  const known = restless.get(scopes);
  if (known !== undefined) return known;
  const found = [...scopes.values()].filter((scope) => isRestless(history, scope));
  return new Set(found.map(({ uid }) => uid));
}

function keepRestless(history: History, before: Scopes, now: Scopes, judged: Iterable<string>): void {
  const found = new Set(restlessOf(history, before));
  for (const uid of judged) {
    const scope = now.get(uid);
    if (scope !== undefined && isRestless(history, scope)) found.add(uid);
    else found.delete(uid);
  }
  restless.set(now, found);
}

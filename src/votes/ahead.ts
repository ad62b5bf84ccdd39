import type { Commit, ObjectId, Objects } from '../git/index.ts';
import { check, claimsOf, electorate } from './signer.ts';
import type { VotingScope } from './types.ts';
import type { Bench } from './votes.ts';

/** Scopes by uid, and uid by place; `directories` has the ones above each place too. */
type Places = {
  readonly scopes: ReadonlyMap<string, VotingScope>;
  readonly byDirectory: ReadonlyMap<string, string>;
  readonly directories: ReadonlySet<string>;
};

/** Who is about to fold, and as of which state the guesses are made. */
type Folding = {
  readonly objects: Objects;
  readonly bench: Bench;
  readonly latest: () => Places;
};

/**
 * Reads what the fold of `line` (main-line commits, oldest first) will read, and checks the signatures that it will ask for:
 * many of both under way at once, where the fold has one. The function given starts what lies ahead of `line[at]` and waits for
 * that one. It fills memos and nothing else: no verdict depends on what it guesses, and what fails here fails again, with
 * its reason, where it is needed.
 */
export function lookAhead(folding: Folding, line: readonly ObjectId[]): (at: number) => Promise<void> {
  const begun: Promise<void>[] = [];
  const onLine = new Set(line);
  return async (at) => {
    for (const id of line.slice(begun.length, at + WINDOW))
      begun.push(prepare(folding, onLine, id).catch(() => {}));
    await begun[at];
  };
}

/** Main-line commits; side commits and signature checks of one of them. */
const WINDOW = 48;
const SIDE_COMMITS = 64;
const CHECKS = 64;

async function prepare(folding: Folding, onLine: ReadonlySet<ObjectId>, id: ObjectId): Promise<void> {
  const { objects, bench } = folding;
  const places = folding.latest();
  const commit = await objects.commit(id);
  const side = await sideCommits(folding, onLine, commit);
  const signed = side.filter(({ signature }) => signature !== null);
  const changed = await changedScopes(folding, places, commit, () => true);
  await Promise.all([
    ...claimsOn(changed, signed).map((claim) => check(bench, claim)),
    ...signed.map((each) =>
      changedScopes(folding, places, each, (scope) => claimsOn([scope], [each]).length > 0),
    ),
  ]);
}

/** What `commit` brings in, as far as it is not known to be in already. */
async function sideCommits(
  { objects, bench }: Folding,
  onLine: ReadonlySet<ObjectId>,
  commit: Commit,
): Promise<readonly Commit[]> {
  const found = new Map<ObjectId, Commit>();
  const pending = commit.parents.slice(1);
  for (let id = pending.pop(); id !== undefined && found.size < SIDE_COMMITS; id = pending.pop()) {
    if (found.has(id) || onLine.has(id) || bench.history.visits.has(id)) continue;
    const side = await objects.commit(id);
    found.set(id, side);
    pending.push(...side.parents);
  }
  return [...found.values()];
}

/** The scopes at which `commit` and its first parent differ; the own trees of those that are wanted are read. */
async function changedScopes(
  { objects, bench }: Folding,
  { scopes, byDirectory, directories }: Places,
  commit: Commit,
  isWanted: (scope: VotingScope) => boolean,
): Promise<readonly VotingScope[]> {
  const [first] = commit.parents;
  if (first === undefined) return [];
  const { tree } = await objects.commit(first);
  const places = await bench.owns.apart(tree, commit.tree, directories);
  const wanted = places.flatMap((place) => scopes.get(byDirectory.get(place) ?? '') ?? []).filter(isWanted);
  await Promise.all(wanted.map(({ directory }) => bench.owns.own(commit.tree, directory)));
  return wanted;
}

/** What a stranger signed costs nothing (G17). */
function claimsOn(scopes: readonly VotingScope[], signed: readonly Commit[]) {
  const claims = scopes.flatMap((scope) => {
    const electors = electorate(scope.policy, null);
    return signed.flatMap((commit) => claimsOf({ commit }, electors));
  });
  return claims.slice(0, CHECKS);
}

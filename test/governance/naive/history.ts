/**
 * A second reading of the governance rules, written for obviousness: sets of ancestors, quadratic loops, no memo that a
 * rule could hide behind. It shares no code with `src/governance` and sees no bytes of git: commits are plain data, and
 * who signed is told by the test that signed. Caps (G17), certificates and formats of keys are not its subject.
 */
export type Commit = {
  readonly id: string;
  readonly parents: readonly string[];
  /** Every file of the repository, by path; paths of the mesh begin with `mesh/`. */
  readonly files: Files;
  /** The key that signed this commit; null where nobody did, or the signature is no good. */
  readonly signer: string | null;
  readonly message: string;
};

export type Files = ReadonlyMap<string, string>;

/** m0 … mN of one tip, with everything that came in. */
export type Line = {
  readonly commits: ReadonlyMap<string, Commit>;
  readonly main: readonly Commit[];
  /** The signer of a detached token that is good; null for a bad one. */
  readonly signerOfToken: (token: string) => string | null;
  /** All x with x ≤ c, by c. */
  readonly below: ReadonlyMap<string, ReadonlySet<string>>;
  /** intro(x): the least i with x ≤ mi. */
  readonly intro: ReadonlyMap<string, number>;
};

type Source = Pick<Line, 'commits' | 'signerOfToken'> & { readonly genesis: string };

export function lineOf({ commits, signerOfToken, genesis }: Source, tip: string): Line {
  const main: Commit[] = [];
  for (let id: string | undefined = tip; id !== undefined; id = commitOf(commits, id).parents[0]) {
    main.unshift(commitOf(commits, id));
    if (id === genesis) break;
  }
  if (main[0]?.id !== genesis) throw new Error('the tip does not reach the genesis by first parents');
  const below = new Map<string, ReadonlySet<string>>();
  for (const { id } of main) addBelow(commits, below, id);
  const intro = new Map<string, number>();
  for (const [index, { id }] of main.entries())
    for (const x of below.get(id) ?? []) if (!intro.has(x)) intro.set(x, index);
  return { commits, main, signerOfToken, below, intro };
}

function addBelow(
  commits: Line['commits'],
  below: Map<string, ReadonlySet<string>>,
  id: string,
): ReadonlySet<string> {
  const known = below.get(id);
  if (known !== undefined) return known;
  const set = new Set([id]);
  for (const parent of commitOf(commits, id).parents)
    for (const x of addBelow(commits, below, parent)) set.add(x);
  below.set(id, set);
  return set;
}

export function commitOf(commits: Line['commits'], id: string): Commit {
  const commit = commits.get(id);
  if (commit === undefined) throw new Error(`no commit ${id}`);
  return commit;
}

export function mainAt(line: Line, index: number): Commit {
  const commit = line.main[index];
  if (commit === undefined) throw new Error(`no m${index}`);
  return commit;
}

/** x ≤ y. */
export function isWithin(line: Line, x: string, y: string): boolean {
  return line.below.get(y)?.has(x) === true;
}

/** x < y. */
export function isBefore(line: Line, x: string, y: string): boolean {
  return x !== y && isWithin(line, x, y);
}

export function introOf(line: Line, x: string): number {
  return line.intro.get(x) ?? Infinity;
}

/** All commits ≤ mi. */
export function upTo(line: Line, index: number): readonly Commit[] {
  return [...(line.below.get(mainAt(line, index).id) ?? [])].map((id) => commitOf(line.commits, id));
}

/** What `git merge-base --all` says: the common ancestors that are below no other one. */
export function mergeBases(commits: Line['commits'], x: string, y: string): readonly string[] {
  const below = new Map<string, ReadonlySet<string>>();
  const [left, right] = [addBelow(commits, below, x), addBelow(commits, below, y)];
  const common = [...left].filter((each) => right.has(each));
  return common.filter((each) => !common.some((other) => other !== each && below.get(other)?.has(each)));
}

import type { GitBackend, ObjectId, Objects } from '../git/index.ts';
import type { Line } from '../governance/index.ts';
import type { Kinship } from './witnesses.ts';

/** Whether a tip is this commit, or has it below it, merged or not. Throws as `Objects.commit` does. */
type HasBelow = (tip: ObjectId, commit: ObjectId) => Promise<boolean>;

/** Anybody may ask, and ever again: the history of a tip is read once, and then what each further tip adds. */
export function createHistory(objects: Pick<Objects, 'commit'>): HasBelow {
  let last: ObjectId | null = null;
  let known: ReadonlySet<ObjectId> = new Set();
  let turn: Promise<unknown> = Promise.resolve();

  async function hasBelow(tip: ObjectId, commit: ObjectId): Promise<boolean> {
    if (tip !== last) known = await extended(objects, known, last, tip);
    last = tip;
    return known.has(commit);
  }

  return (tip, commit) => {
    const answer = turn.then(() => hasBelow(tip, commit));
    turn = answer.catch(() => {});
    return answer;
  };
}

/** All below `tip`; `known` is all below `last`. */
async function extended(
  objects: Pick<Objects, 'commit'>,
  known: ReadonlySet<ObjectId>,
  last: ObjectId | null,
  tip: ObjectId,
): Promise<ReadonlySet<ObjectId>> {
  const added = new Set([tip]);
  let isOn = last === null;
  for (const id of added) {
    for (const parent of (await objects.commit(id)).parents) {
      isOn ||= parent === last;
      if (!known.has(parent)) added.add(parent);
    }
  }
  // What is below the last tip is below this one only where that one is.
  return isOn ? new Set([...known, ...added]) : extended(objects, new Set(), null, tip);
}

/** Whether a commit and a tip are on one main line (G9), as far as the store has them. */
export async function kinshipWith(
  git: GitBackend,
  line: Line,
  tip: ObjectId | null,
  commit: ObjectId,
): Promise<Kinship> {
  if (tip === null || !(await git.has(commit))) return 'unknown';
  const meets = async () =>
    (await line.chain(commit, new Set([tip]))) ?? (await line.chain(tip, new Set([commit])));
  return meets().then(
    (chain) => (chain === null ? 'other' : 'same'),
    () => 'unknown', // Something below it is not here.
  );
}

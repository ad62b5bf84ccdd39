import type { ObjectId, Objects } from '../git/index.ts';
import type { Line } from './line.ts';

/**
 * What becomes of an offered tip (governance.md, Following): the only step with memory, and no verdict depends on it.
 * Enforces G9.
 * `refused` keeps serving the last followed tip, and heals by itself when the ref again extends it.
 */
export type Following =
  | { readonly outcome: 'followed' | 'same' | 'stale' }
  | { readonly outcome: 'refused'; readonly rule: 'G9'; readonly reason: string };

/** `last` is the last followed tip L, null for a line that nobody has followed yet; `offered` is T. */
export async function follow(
  line: Line,
  objects: Objects,
  last: ObjectId | null,
  offered: ObjectId,
): Promise<Following> {
  if (offered === last) return { outcome: 'same' };
  const known = last ?? line.pin.commit;
  const chain = await line.chain(offered, new Set([known]));
  if (chain !== null) return { outcome: 'followed' };
  if (last !== null && (await isAncestor(objects, offered, last))) return { outcome: 'stale' };
  return { outcome: 'refused', rule: 'G9', reason: await reasonFor(line, last, offered) };
}

async function reasonFor(line: Line, last: ObjectId | null, offered: ObjectId): Promise<string> {
  const { commit } = line.pin;
  if ((await line.chain(offered, new Set([commit]))) === null) {
    return `${offered} does not descend from the genesis ${commit} by first parents`;
  }
  return `${offered} drops ${last} from the main line (a force-push, or a merge with its parents swapped): put ${last} back on the first-parent chain`;
}

/** Whether `old` ≤ `young`. Reads only commits; a missing one throws. */
async function isAncestor(objects: Objects, old: ObjectId, young: ObjectId): Promise<boolean> {
  const seen = new Set<ObjectId>([young]);
  const pending = [young];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (id === old) return true;
    for (const parent of (await objects.commit(id)).parents) {
      if (!seen.has(parent)) pending.push(parent);
      seen.add(parent);
    }
  }
  return false;
}

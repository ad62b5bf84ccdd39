import { sha256 } from '../../src/base/digest.ts';
import type { Commit, CommitSignature, ObjectId, Objects } from '../../src/git/index.ts';
import { type AnchorKey, signerOf, verifySignature } from '../../src/signatures/index.ts';

/** Commits whose trees and signature are under way at once. */
const AT_ONCE = 48;

/** What was read, and how many signatures were checked. */
type Read = { readonly objects: number; readonly checks: number };

/**
 * What no verifier can do without: every object of the history read once, the SHA-256 of every blob, and one signature
 * check for every approval, with the keys known from the start. As many at once as the verifier takes. Of a tip that is
 * asked for after another, only what is new.
 */
export function openFloor(objects: Objects, keys: readonly AnchorKey[]): (tip: ObjectId) => Promise<Read> {
  const seen = new Set<ObjectId>();
  const first = (id: ObjectId) => !seen.has(id) && seen.add(id).has(id);
  const readTree = async (id: ObjectId): Promise<void> => {
    const fresh = (await objects.tree(id)).filter((entry) => first(entry.id));
    await Promise.all(
      fresh.map(async (entry) => {
        if (entry.mode === '40000') await readTree(entry.id);
        else sha256(await objects.blob(entry.id));
      }),
    );
  };
  let checks = 0;
  const readCommit = async ({ tree, signature }: Commit): Promise<void> => {
    const reading = first(tree) ? readTree(tree) : null;
    if (signature !== null) {
      await checkOnce(signature, keys);
      checks += 1;
    }
    await reading;
  };
  return async (tip) => {
    const all = await commitsOf(objects, tip, seen);
    for (const { id } of all) seen.add(id);
    for (let at = 0; at < all.length; at += AT_ONCE) {
      await Promise.all(all.slice(at, at + AT_ONCE).map(readCommit));
    }
    return { objects: seen.size, checks };
  };
}

/** All commits that were not seen before: the main line, and what it brought in. */
async function commitsOf(
  objects: Objects,
  tip: ObjectId,
  seen: ReadonlySet<ObjectId>,
): Promise<readonly Commit[]> {
  const found = new Map<ObjectId, Commit>();
  const others: ObjectId[] = [];
  const isNew = (id: ObjectId) => !found.has(id) && !seen.has(id);
  const keep = (commit: Commit) => {
    found.set(commit.id, commit);
    others.push(...commit.parents.filter(isNew));
    return commit.parents[0];
  };
  for (let id: ObjectId | undefined = tip; id !== undefined && !seen.has(id); )
    id = keep(await objects.commit(id));
  while (others.length > 0) {
    const batch = new Set(others.splice(-AT_ONCE).filter(isNew));
    for (const commit of await Promise.all([...batch].map(objects.commit))) keep(commit);
  }
  return [...found.values()];
}

async function checkOnce(signature: CommitSignature, keys: readonly AnchorKey[]): Promise<void> {
  const key = signerOf(signature, keys);
  const verdict = key === null ? null : await verifySignature(signature, key, 'git');
  if (verdict?.ok !== true) throw new Error('an approval of the history does not verify');
}

import { sha256 } from '../../src/base/digest.ts';
import type { CommitSignature, ObjectId, Objects } from '../../src/git/index.ts';
import { type AnchorKey, signerOf, verifySignature } from '../../src/governance/signature/index.ts';

/**
 * What no verifier can do without: every object of the history read once, the SHA-256 of every blob, and one signature
 * check for every approval, with the keys known from the start.
 */
export async function measureFloor(objects: Objects, tip: ObjectId, keys: readonly AnchorKey[]) {
  const seen = new Set<ObjectId>();
  const first = (id: ObjectId) => !seen.has(id) && seen.add(id).has(id);
  const readTree = async (id: ObjectId): Promise<void> => {
    for (const entry of await objects.tree(id)) {
      if (!first(entry.id)) continue;
      if (entry.mode === '40000') await readTree(entry.id);
      else sha256(await objects.blob(entry.id));
    }
  };
  let checks = 0;
  const pending = [tip];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (!first(id)) continue;
    const { tree, parents, signature } = await objects.commit(id);
    pending.push(...parents);
    if (first(tree)) await readTree(tree);
    if (signature === null) continue;
    await checkOnce(signature, keys);
    checks += 1;
  }
  return { objects: seen.size, checks };
}

async function checkOnce(signature: CommitSignature, keys: readonly AnchorKey[]): Promise<void> {
  const key = signerOf(signature, keys);
  const verdict = key === null ? null : await verifySignature(signature, key, 'git');
  if (verdict?.ok !== true) throw new Error('an approval of the history does not verify');
}

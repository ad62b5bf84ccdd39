import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Failure } from '../base/failure.ts';
import { isAbsent } from './files.ts';
import type { ObjectId, Objects } from './objects.ts';

/**
 * Milliseconds per object for the commits before `tip` and their trees, as verifying reads them: one after the other.
 * What starting costs is left out: the tip is read before the clock runs. Infinity where an object cannot be read.
 */
export async function sampleMs(objects: Objects, tip: ObjectId): Promise<number> {
  try {
    const { tree, parents } = await objects.commit(tip);
    await objects.tree(tree);
    const startMs = performance.now();
    let count = 0;
    for (let id = parents[0]; id !== undefined && count < SAMPLE; count += 2) {
      const commit = await objects.commit(id);
      await objects.tree(commit.tree);
      id = commit.parents[0];
      if (performance.now() - startMs > BUDGET_MS) break;
    }
    return (performance.now() - startMs) / Math.max(1, count);
  } catch (error) {
    if (error instanceof Failure) return Number.POSITIVE_INFINITY; // Whoever verifies meets it again, and says it.
    throw error;
  }
}

const SAMPLE = 128;
const BUDGET_MS = 200;

/** Bytes of all packs of a git folder or of a worktree's; 0 where there are none. */
export async function packBytes(gitdir: string): Promise<number> {
  for (const folder of [join(gitdir, '.git'), gitdir]) {
    const packs = join(folder, 'objects', 'pack');
    const names = await readdir(packs).catch(orNone);
    if (names === null) continue;
    const sizes = await Promise.all(
      names.filter((name) => name.endsWith('.pack')).map((name) => sizeOf(join(packs, name))),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }
  return 0;
}

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(orNone))?.size ?? 0;
}

function orNone(error: unknown): null {
  if (isAbsent(error)) return null;
  throw error;
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ObjectId } from '../../git/index.ts';
import type { Clone } from '../clone.ts';
import type { Context } from '../context.ts';
import { need } from '../native.ts';

/** What a commit does to one path of the repository: new bytes, an object that is there already, or nothing any more. */
export type Edit =
  | { readonly path: string; readonly bytes: string | Uint8Array }
  | { readonly path: string; readonly blob: ObjectId }
  | { readonly path: string; readonly gone: true };

/** `base` with these edits as a commit on top of it. Neither the worktree, nor the index, nor a branch is touched. */
export async function commitEdits(
  context: Context,
  { folder }: Clone,
  base: ObjectId,
  edits: readonly Edit[],
  message: string,
): Promise<ObjectId> {
  const work = await mkdtemp(join(tmpdir(), 'fairlead-index-'));
  try {
    const environment = { ...context.environment, GIT_INDEX_FILE: join(work, 'index') };
    const git = (args: readonly string[], input?: Uint8Array) =>
      need('git', ['--no-replace-objects', '-C', folder, ...args], {
        environment,
        ...(input === undefined ? {} : { input }),
      });
    await git(['read-tree', base]);
    const lines: string[] = [];
    for (const edit of edits) {
      if ('gone' in edit) lines.push(`0 ${'0'.repeat(40)}\t${edit.path}\0`);
      else {
        const id =
          'blob' in edit ? edit.blob : await git(['hash-object', '-w', '--stdin'], Buffer.from(edit.bytes));
        lines.push(`100644 ${id}\t${edit.path}\0`);
      }
    }
    await git(['update-index', '-z', '--index-info'], Buffer.from(lines.join('')));
    const tree = await git(['write-tree']);
    return await git(['commit-tree', tree, '-p', base, '-F', '-'], Buffer.from(`${message}\n`));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

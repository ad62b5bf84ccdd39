import { join } from 'node:path';
import { type Files, namesIn, orAbsent } from './files.ts';
import { idsIn, readIndex } from './pack.ts';
import { indexPack } from './pack-index.ts';

/**
 * Removes the packs among `stems` of which the pack `by` has every object: who is packed anew has once more all that it had.
 * What an index says that came from elsewhere is not believed: where it would cost a pack, every object is hashed.
 */
export async function dropCovered(
  files: Files,
  folder: string,
  stems: readonly string[],
  by: string,
): Promise<void> {
  const path = join(folder, by);
  const said = await files.readFile(`${path}.idx`);
  const claimed = await coveredBy(files, folder, stems, readIndex(path, said));
  if (claimed.length === 0) return;
  const own = await indexPack(`${path}.pack`, await files.readFile(`${path}.pack`));
  for (const stem of await coveredBy(files, folder, claimed, readIndex(path, own)))
    for (const ending of ENDINGS) await orAbsent(files.unlink(join(folder, `${stem}.${ending}`)));
}

/** Without its index a pack is nothing; whoever has read that finds that the pack is gone, and looks again. */
const ENDINGS = ['idx', 'rev', 'pack'];

async function coveredBy(
  files: Files,
  folder: string,
  stems: readonly string[],
  offsetOf: ReturnType<typeof readIndex>,
): Promise<readonly string[]> {
  const covered: string[] = [];
  for (const stem of stems) {
    const index = await files.readFile(join(folder, `${stem}.idx`));
    if (idsIn(join(folder, stem), index).every((id) => offsetOf(id) !== null)) covered.push(stem);
  }
  return covered;
}

/** The stems of all packs in a folder. */
export async function packsIn(files: Files, folder: string): Promise<readonly string[]> {
  const names = await namesIn(files, folder);
  return names.flatMap((name) => /^(pack-[0-9a-f]{40})\.idx$/.exec(name)?.[1] ?? []);
}

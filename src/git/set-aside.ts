import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { hashOf } from './copy.ts';
import { type Files, namesIn, orAbsent } from './files.ts';

/**
 * Moves what is damaged among the objects of a store of ours to `damaged/` in it, where nobody looks for objects, so that a
 * fetch of everything brings it anew. Kept, for whoever wants to know what happened; of two with one name the last. Reads
 * the whole store.
 */
export async function setDamagedAside(files: Files, gitdir: string): Promise<void> {
  const objects = join(gitdir, 'objects');
  for (const path of [...(await damagedPacks(files, objects)), ...(await damagedObjects(files, objects))]) {
    const aside = join(gitdir, 'damaged');
    await files.mkdir(aside, { recursive: true });
    await files.rename(join(objects, path), join(aside, path.replaceAll('/', '-')));
  }
}

/** All files of a pack of which one is damaged, or one of the two is missing that make a pack. */
async function damagedPacks(files: Files, objects: string): Promise<readonly string[]> {
  const names = await namesIn(files, join(objects, 'pack'));
  const damaged: string[] = [];
  for (const [stem, own] of Map.groupBy(names, (name) => name.replace(/\..*$/, ''))) {
    if (!/^pack-[0-9a-f]{40}$/.test(stem)) continue;
    const needed = new Set([...own, `${stem}.pack`, `${stem}.idx`]);
    for (const name of needed) {
      if (!/\.(?:pack|idx|rev)$/.test(name) || (await isWhole(files, join(objects, 'pack', name)))) continue;
      damaged.push(...own.map((other) => `pack/${other}`));
      break;
    }
  }
  return damaged;
}

/** Whether it ends with the SHA-1 of all before. Packs that git reads may be larger than memory. */
async function isWhole(files: Files, path: string): Promise<boolean> {
  await using file = await orAbsent(files.open(path, 'r'));
  if (file === null) return false;
  const end = (await file.stat()).size - TRAILER_BYTES;
  if (end <= 0) return false;
  const hash = createHash('sha1');
  for await (const part of file.createReadStream({ end: end - 1, autoClose: false })) hash.update(part);
  const { buffer } = await file.read(Buffer.alloc(TRAILER_BYTES), 0, TRAILER_BYTES, end);
  return hash.digest().equals(buffer);
}

const TRAILER_BYTES = 20;

async function damagedObjects(files: Files, objects: string): Promise<readonly string[]> {
  const damaged: string[] = [];
  for (const folder of await namesIn(files, objects)) {
    if (!/^[0-9a-f]{2}$/.test(folder)) continue;
    for (const name of await namesIn(files, join(objects, folder))) {
      const bytes = await files.readFile(join(objects, folder, name));
      if ((await hashOf(bytes)) !== folder + name) damaged.push(`${folder}/${name}`);
    }
  }
  return damaged;
}

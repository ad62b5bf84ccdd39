import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { dropCovered, packsIn } from './covered.ts';
import { objectCorrupt } from './failures.ts';
import { type Files, isAbsent, namesIn, syncFolder } from './files.ts';
import { inflateInto } from './inflate.ts';

/**
 * Copies every object file that `to` lacks, and so also what was lost there. Each is checked on the way: an unpacked object by
 * its name, a pack by its trailer (`wholeFiles`); packs that it makes superfluous are removed. Git writes objects before the ref that needs them, and a pack before it
 * removes what it packed: unpacked objects first, then packs, and again if one vanished in between, misses nothing.
 */
export async function copyObjects(
  files: Files,
  from: string,
  to: string,
  signal?: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await copyUnpacked(files, join(from, 'objects'), join(to, 'objects'), signal);
      return await copyPacks(files, join(from, 'objects', 'pack'), join(to, 'objects', 'pack'), signal);
    } catch (error) {
      if (!isAbsent(error) || attempt === ATTEMPTS) throw error;
    }
  }
}

const ATTEMPTS = 5;

async function copyUnpacked(files: Files, from: string, to: string, signal?: AbortSignal): Promise<void> {
  for (const folder of await namesIn(files, from)) {
    signal?.throwIfAborted();
    if (!/^[0-9a-f]{2}$/.test(folder)) continue;
    const here = new Set(await namesIn(files, join(to, folder)));
    const missing = (await namesIn(files, join(from, folder))).filter((name) => isNew(name, here));
    if (missing.length === 0) continue;
    await files.mkdir(join(to, folder), { recursive: true });
    // Whoever hears of a failure finds nothing on its way any more.
    const ends = await Promise.allSettled(missing.map((name) => copyObject(files, from, to, folder, name)));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    await syncFolder(files, join(to, folder));
  }
  await syncFolder(files, to);
}

function isNew(name: string, here: ReadonlySet<string>): boolean {
  return /^[0-9a-f]{38}$/.test(name) && !here.has(name);
}

async function copyObject(
  files: Files,
  from: string,
  to: string,
  folder: string,
  name: string,
): Promise<void> {
  const bytes = await files.readFile(join(from, folder, name));
  if ((await hashOf(bytes)) !== folder + name) throw objectCorrupt(folder + name, from);
  await files.writeFile(join(to, folder, name), bytes);
}

/** The name of an object file's content; null when it cannot even be inflated. */
export async function hashOf(bytes: Uint8Array): Promise<string | null> {
  const hash = createHash('sha1');
  try {
    await inflateInto((part) => void hash.update(part), bytes);
    return hash.digest('hex');
  } catch {
    return null;
  }
}

async function copyPacks(files: Files, from: string, to: string, signal?: AbortSignal): Promise<void> {
  const there = await packsIn(files, from);
  for (const stem of without(there, await packsIn(files, to))) {
    signal?.throwIfAborted();
    for (const ending of ['pack', 'idx'])
      await files.writeFile(
        join(to, `${stem}.${ending}`),
        await files.readFile(join(from, `${stem}.${ending}`)),
      );
    // What the remote still has would be copied again. Where a pack cannot be read only room is lost.
    await dropCovered(files, to, without(await packsIn(files, to), there), stem).catch(() => {});
  }
}

function without(all: readonly string[], others: readonly string[]): readonly string[] {
  const left = new Set(others);
  return all.filter((one) => !left.has(one));
}

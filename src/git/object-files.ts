import { Failure } from '../base/failure.ts';
import { CAPS } from './caps.ts';
import { objectCorrupt, objectMissing, storeFailure } from './failures.ts';
import { type Files, namesIn, orAbsent } from './files.ts';
import { inflate, inflateHead, inflateInto } from './inflate.ts';
import { Lru } from './lru.ts';
import type { ObjectId } from './objects.ts';
import { openPack, type Pack } from './pack.ts';
import type { Bases } from './pack-entries.ts';
import { oversize, type RawObject, type Reader } from './stored-objects.ts';

/**
 * Objects from the files of the store, without a program or a library: that an object is larger than any may be has to be
 * known before it is inflated (decision 0019).
 */
export function createFileReader(files: Files, gitdir: string): Reader {
  const folder = `${gitdir}/objects/pack`;
  const bases: Bases = new Lru(BASES_BYTES);
  /** By name, so that none is opened twice; and those that could be opened. */
  let opening: ReadonlyMap<string, Promise<Pack>> = new Map();
  let packs: readonly Pack[] = [];

  /** A fetch or a `git gc` may have brought packs, and removed others. */
  async function list(): Promise<readonly Pack[]> {
    const names = (await namesIn(files, folder)).filter((name) => name.endsWith('.idx'));
    const known = opening;
    opening = new Map(
      names.map((name) => [
        name,
        known.get(name) ?? openPack(files, `${folder}/${name.slice(0, -4)}`, bases),
      ]),
    );
    packs = await Promise.all(opening.values());
    return packs;
  }

  function forget(): void {
    opening = new Map();
    packs = [];
  }

  /** Git writes a pack before it removes what it packed: who looks into new packs last misses nothing. */
  async function find(id: ObjectId): Promise<RawObject> {
    if (id === EMPTY_TREE) return { type: 'tree', bytes: new Uint8Array() };
    const found = (await readPacked(packs, id)) ?? (await readUnpacked(files, gitdir, id));
    if (found !== null) return found;
    const late = await readPacked(await list(), id);
    if (late === null) throw objectMissing(id, gitdir);
    return late;
  }

  /** Packs that are gone, or were replaced, are no reason to fail; nor is a damaged one that was repaired. */
  function findAgain(id: ObjectId, error: unknown): Promise<RawObject> {
    if (error instanceof Failure && error.code !== 'object-corrupt') throw error;
    forget();
    return find(id);
  }

  return {
    read: (id) =>
      find(id)
        .catch((error: unknown) => findAgain(id, error))
        .catch((error: unknown) => Promise.reject(toFailure(error, id, gitdir))),
    close: async () => {},
  };
}

/** Git knows it without having it. */
const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
const BASES_BYTES = 32 * 1024 * 1024;

async function readPacked(packs: readonly Pack[], id: ObjectId): Promise<RawObject | null> {
  for (const pack of packs) {
    const found = await pack.read(id);
    if (found !== null) return found;
  }
  return null;
}

async function readUnpacked(files: Files, gitdir: string, id: ObjectId): Promise<RawObject | null> {
  const file = await orAbsent(files.readFile(`${gitdir}/objects/${id.slice(0, 2)}/${id.slice(2)}`));
  if (file === null) return null;
  const head = await inflateHead(file);
  const [all, type, digits] = HEADER.exec(head.toString('latin1')) ?? [];
  if (all === undefined || type === undefined) throw new Error('is no object of git');
  const size = Number(digits);
  if (type !== 'commit' && size > CAPS.ownBytes)
    return oversize(id, type, size, (take) => inflateInto(without(all.length, take), file));
  return { type, bytes: inflate(file, all.length + size).subarray(all.length) };
}

/** `take`, for parts of which the first `skip` bytes belong to somebody else. */
function without(skip: number, take: (part: Uint8Array) => void): (part: Uint8Array) => void {
  let left = skip;
  return (part) => {
    take(part.subarray(left));
    left -= Math.min(left, part.length);
  };
}

const HEADER = /^(commit|tree|blob|tag) (\d{1,15})\0/;

function toFailure(error: unknown, id: ObjectId, gitdir: string): Failure {
  if (error instanceof Failure) return error;
  return storeFailure(error, gitdir) ?? objectCorrupt(id, gitdir, error);
}

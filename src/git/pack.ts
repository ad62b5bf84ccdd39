import { CAPS } from './caps.ts';
import { deltaSizes } from './delta.ts';
import { objectTooLarge } from './failures.ts';
import { checkTrailer, type Files } from './files.ts';
import { inflateHead, inflateInto } from './inflate.ts';
import type { ObjectId } from './objects.ts';
import { type Bases, build, chainOf, DELTA_BYTES, type Entries, type Entry } from './pack-entries.ts';
import { OVERSIZE, oversize, type RawObject } from './stored-objects.ts';

/** A pack of a store (gitformat-pack(5)). */
export interface Pack {
  /** Null when it is not in this pack. Throws where the files break the format, and `Failure` `object-too-large`. */
  read(id: ObjectId): Promise<RawObject | null>;
}

/** The pack at `path`, without its ending: the index now, the pack itself once something in it is wanted. */
export async function openPack(files: Files, path: string, bases: Bases): Promise<Pack> {
  const offsetOf = readIndex(path, await files.readFile(`${path}.idx`));
  let loading: Promise<Buffer> | null = null;

  async function load(): Promise<Buffer> {
    const pack = await files.readFile(`${path}.pack`);
    checkTrailer(`${path}.pack`, pack);
    return pack;
  }

  return {
    async read(id) {
      const offset = offsetOf(id);
      if (offset === null) return null;
      loading ??= load();
      const pack = await loading.catch((error: unknown) => {
        loading = null;
        throw error;
      });
      const entries = { path, pack, offsetOf, bases, limit: CAPS.ownBytes };
      const chain = chainOf(entries, offset);
      if (chain === null) throw new Error('is a delta against what is not in its pack');
      return build(entries, chain) ?? tooLarge(entries, chain, id);
    },
  };
}

/** The offsets of a version 2 index. Packs of more than 2 GiB have longer ones; those cannot be held anyway. */
export function readIndex(path: string, index: Buffer): (id: ObjectId) => number | null {
  checkIndex(path, index);
  const fan = (byte: number) => (byte < 0 ? 0 : index.readUInt32BE(8 + 4 * byte));
  const offsets = NAMES + (20 + 4) * fan(255);
  return (id) => {
    const wanted = Buffer.from(id, 'hex');
    const first = wanted.readUInt8(0);
    let [low, high] = [fan(first - 1), fan(first)];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = wanted.compare(index, NAMES + 20 * middle, NAMES + 20 * middle + 20);
      if (order === 0) return index.readUInt32BE(offsets + 4 * middle);
      if (order < 0) high = middle;
      else low = middle + 1;
    }
    return null;
  };
}

/** The objects of a version 2 index. */
export function* idsIn(path: string, index: Buffer): IteratorObject<ObjectId, undefined> {
  checkIndex(path, index);
  const end = NAMES + 20 * index.readUInt32BE(NAMES - 4);
  for (let at = NAMES; at < end; at += 20) yield index.toString('hex', at, at + 20);
}

/** Where the names begin: behind how many there are up to each first byte. */
const NAMES = 8 + 4 * 256;

function checkIndex(path: string, index: Buffer): void {
  checkTrailer(`${path}.idx`, index);
  if (index.readUInt32BE(0) !== 0xff744f63 || index.readUInt32BE(4) !== 2)
    throw new Error(`${path}.idx is no index`);
}

/**
 * That a whole object is what its name says is still found out, as for one that git inflates. The size of a delta's result
 * is believed: it, and the index that leads to it, are as they were when all objects of the pack were hashed to write that.
 */
async function tooLarge(entries: Entries, chain: readonly Entry[], id: ObjectId): Promise<RawObject> {
  const { path, pack } = entries;
  const top = chain.at(-1);
  if (top === undefined) throw new Error('is an empty chain');
  if (top.type !== null)
    return oversize(id, top.type, top.size, (take) => inflateInto(take, pack.subarray(top.at)));
  const { result } = deltaSizes(await inflateHead(pack.subarray(top.at)));
  if (result > CAPS.ownBytes) return { type: OVERSIZE, bytes: NOTHING };
  const whole = build({ ...entries, limit: DELTA_BYTES }, chain);
  if (whole === null) throw objectTooLarge(`object ${id}`, `${path}.pack`);
  return whole;
}

const NOTHING = new Uint8Array();

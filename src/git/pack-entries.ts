import { applyDelta, deltaSizes, variable } from './delta.ts';
import { inflate } from './inflate.ts';
import type { Lru } from './lru.ts';
import type { ObjectId } from './objects.ts';
import type { RawObject } from './stored-objects.ts';

/** Objects that may be the base of a delta, by pack and offset. */
export type Bases = Lru<string, Whole>;
type Whole = { readonly type: string; readonly bytes: Buffer };

/** What an entry's header says. */
export type Entry = {
  readonly start: number;
  /** Null for a delta, which is of its base's type. */
  readonly type: string | null;
  /** Bytes that it inflates to: for a delta, its instructions. */
  readonly size: number;
  /** Where its deflated bytes begin. */
  readonly at: number;
  /** What a delta is against: where that begins, or its id. */
  readonly base: number | ObjectId;
};

/** The entries of a pack, and how they are read. */
export type Entries = {
  readonly path: string;
  readonly pack: Buffer;
  readonly offsetOf: (id: ObjectId) => number | null;
  readonly bases: Bases;
  /** In bytes, what an object may have that is not a commit. */
  readonly limit: number;
};

/**
 * An entry and all that it is a delta against, down to one that is whole or remembered: that one first. Null when one of
 * them is not (yet) known to the index.
 */
export function chainOf(entries: Entries, top: number): readonly Entry[] | null {
  const chain = new Map<number, Entry>();
  for (let start = top; !chain.has(start); ) {
    const entry = entryAt(entries.pack, start);
    chain.set(start, entry);
    if (entry.type !== null || entries.bases.get(keyOf(entries, entry)) !== undefined)
      return [...chain.values()].toReversed();
    const base = typeof entry.base === 'number' ? entry.base : entries.offsetOf(entry.base);
    if (base === null) return null;
    start = base;
  }
  throw new Error('is a delta against itself');
}

function keyOf({ path }: Entries, { start }: Entry): string {
  return `${path} ${start}`;
}

export function entryAt(pack: Buffer, start: number): Entry {
  const first = pack.readUInt8(start);
  const kind = (first >> 4) & 7;
  const low = { value: first & 0x0f, end: start + 1 };
  const { value: size, end: at } =
    first < 0x80 ? low : variable(pack, start + 1, { value: low.value, unit: 16 });
  const type = TYPES[kind] ?? null;
  if (type !== null) return { start, type, size, at, base: 0 };
  if (kind === REF_DELTA) return { start, type, size, at: at + 20, base: pack.toString('hex', at, at + 20) };
  if (kind !== OFS_DELTA) throw new Error('is of a kind that does not exist');
  const { distance, end } = distanceAt(pack, at);
  return { start, type, size, at: end, base: start - distance };
}

const TYPES: Readonly<Record<number, string>> = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag' };
const OFS_DELTA = 6;
const REF_DELTA = 7;

/** Seven bits in each byte, the highest first, and one more for each byte that follows. */
function distanceAt(pack: Buffer, start: number): { readonly distance: number; readonly end: number } {
  let distance = -1;
  for (let at = start; ; at += 1) {
    const byte = pack.readUInt8(at);
    distance = (distance + 1) * 128 + (byte & 0x7f);
    if (byte < 0x80) return { distance, end: at + 1 };
  }
}

/** Null when the object is beyond the limit, or made of one that is: headers say it, and such a one is not inflated. */
export function build(entries: Entries, [bottom, ...deltas]: readonly Entry[]): RawObject | null {
  const { pack, bases } = entries;
  if (bottom === undefined) throw new Error('is an empty chain');
  const known = bases.get(keyOf(entries, bottom));
  const type = known?.type ?? bottom.type;
  if (type === null) throw new Error('is a delta whose base was forgotten meanwhile');
  const limit = type === 'commit' ? Number.POSITIVE_INFINITY : entries.limit;
  if (known === undefined && bottom.size > limit) return null;
  let bytes = known?.bytes ?? inflate(pack.subarray(bottom.at), bottom.size);
  bases.set(keyOf(entries, bottom), { type, bytes }, BASE_BYTES + bytes.length);
  for (const delta of deltas) {
    const instructions = delta.size > limit ? null : inflate(pack.subarray(delta.at), delta.size);
    if (instructions === null || deltaSizes(instructions).result > limit) return null;
    bytes = applyDelta(instructions, bytes);
    bases.set(keyOf(entries, delta), { type, bytes }, BASE_BYTES + bytes.length);
  }
  return { type, bytes };
}

/** Git makes no deltas of what is larger (`core.bigFileThreshold`): only who writes a pack by hand has some. */
export const DELTA_BYTES = 512 * 1024 * 1024;

/** What one remembered object takes beside its bytes. */
const BASE_BYTES = 300;

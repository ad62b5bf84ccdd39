import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { CAPS } from './caps.ts';
import { objectTooLarge } from './failures.ts';
import { checkTrailer } from './files.ts';
import { inflateInto, inflateTold } from './inflate.ts';
import { Lru } from './lru.ts';
import type { ObjectId } from './objects.ts';
import { build, chainOf, DELTA_BYTES, type Entries, entryAt } from './pack-entries.ts';
import { hashing, nameOf, type RawObject } from './stored-objects.ts';

type Found = {
  readonly start: number;
  readonly end: number;
  /** Of a delta: what it is against. */
  readonly base: number | ObjectId;
  /** How many deltas lead to it. */
  depth: number;
  /** Null for a delta that has no name yet. */
  id: ObjectId | null;
};

/**
 * The version 2 index (gitformat-pack(5)) of a pack that came from a remote. Every object is hashed for it; one beyond the caps
 * is so in passing. Throws where the pack breaks the format, and `Failure` `object-corrupt`, `object-too-large`.
 */
export async function indexPack(path: string, pack: Buffer): Promise<Buffer> {
  checkTrailer(path, pack);
  if (pack.toString('latin1', 0, 4) !== 'PACK' || pack.readUInt32BE(4) !== 2) throw new Error('is no pack');
  const found: Found[] = [];
  let start = HEAD_BYTES;
  for (let left = pack.readUInt32BE(8); left > 0; left -= 1) {
    const one = await measure(pack, start);
    found.push(one);
    start = one.end;
    if (left % TURN === 0) await setImmediate();
  }
  if (start !== pack.length - TRAILER_BYTES) throw new Error('has something behind its last object');
  await nameDeltas(path, pack, found);
  return encode(pack, found);
}

const HEAD_BYTES = 12;
const TRAILER_BYTES = 20;
/** After how many objects others may have their turn. */
const TURN = 500;

/** Where an entry ends is found out by inflating it; its name then is known too, but for a delta. */
async function measure(pack: Buffer, start: number): Promise<Found> {
  const { type, size, at, base } = entryAt(pack, start);
  const common = { start, base, depth: 0 };
  const deflated = pack.subarray(at, -TRAILER_BYTES);
  const name = type === null ? null : hashing(type, size);
  if (size > CAPS.ownBytes) {
    const used = await inflateInto((part) => name?.take(part), deflated);
    return { ...common, end: at + used, id: name?.end() ?? null };
  }
  const { bytes, used } = inflateTold(deflated, size);
  name?.take(bytes);
  return { ...common, end: at + used, id: name?.end() ?? null };
}

/** Names each delta once, right after what it is against: in whatever order they come, that is still remembered then. */
async function nameDeltas(path: string, pack: Buffer, found: readonly Found[]): Promise<void> {
  const named = found.filter(({ id }) => id !== null);
  const offsets = new Map(named.map(({ id, start }) => [id, start]));
  const offsetOf = (id: ObjectId) => offsets.get(id) ?? null;
  const entries: Entries = { path, pack, offsetOf, bases: new Lru(BASES_BYTES), limit: DELTA_BYTES };
  const waiting = Map.groupBy(
    found.filter(({ id }) => id === null),
    ({ base }) => base,
  );
  let done = 0;
  for (let base = named.pop(); base !== undefined; base = named.pop()) {
    for (const one of [base.start, base.id ?? ''].flatMap((name) => waiting.get(name) ?? [])) {
      one.depth = base.depth + 1;
      if (one.depth > DEEPEST) throw new Error('has a longer chain of deltas than git makes');
      one.id = nameOf(objectAt(entries, one.start));
      // Where an object leads to itself by its own name, nobody would find it again.
      if (offsets.has(one.id)) throw new Error('has an object twice');
      offsets.set(one.id, one.start);
      named.push(one);
      done += 1;
      if (done % TURN === 0) await setImmediate();
    }
    waiting.delete(base.start);
    waiting.delete(base.id ?? '');
  }
  if (waiting.size > 0) throw new Error('has a delta against what is not in it');
}

function objectAt(entries: Entries, start: number): RawObject {
  const chain = chainOf(entries, start);
  const object = chain === null ? null : build(entries, chain);
  if (object === null) throw objectTooLarge(`the object at byte ${start}`, entries.path);
  return object;
}

/** `pack.depth` cannot be more. */
const DEEPEST = 4095;
const BASES_BYTES = 64 * 1024 * 1024;

function encode(pack: Buffer, found: readonly Found[]): Buffer {
  const sorted = found
    .flatMap(({ id, ...rest }) => (id === null ? [] : [{ name: Buffer.from(id, 'hex'), ...rest }]))
    .sort((left, right) => Buffer.compare(left.name, right.name));
  const fan = new Uint32Array(256);
  for (const { name } of sorted) fan.fill((fan[name.readUInt8(0)] ?? 0) + 1, name.readUInt8(0));
  const body = Buffer.concat([
    words([0xff744f63, 2, ...fan]),
    ...sorted.map(({ name }) => name),
    words(sorted.map(({ start, end }) => crc32(pack.subarray(start, end)))),
    words(sorted.map(({ start }) => start)),
    pack.subarray(-TRAILER_BYTES),
  ]);
  return Buffer.concat([body, createHash('sha1').update(body).digest()]);
}

/** Numbers of 32 bits, the highest byte first. */
function words(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [at, value] of values.entries()) bytes.writeUInt32BE(value, 4 * at);
  return bytes;
}

import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { header } from '../bench/pack.ts';
import { run, type TestRepository } from '../repository.ts';

/** One entry of a pack: a blob; or a delta, against an id or against the entry before it. */
export type Packed =
  | { readonly blob: Uint8Array }
  | { readonly delta: Buffer; readonly against: string | 'the one before' };

/** Adds a pack whose deltas are those given, such as git itself would not choose. Git makes its index. */
export async function addPack(repository: TestRepository, entries: readonly Packed[]): Promise<void> {
  const pack = packOf(entries);
  const file = join(
    repository.gitdir,
    'objects',
    'pack',
    `pack-${pack.toString('hex', pack.length - 20)}.pack`,
  );
  await writeFile(file, pack);
  await run('git', ['index-pack', file]);
}

export function packOf(entries: readonly Packed[]): Buffer {
  const head = Buffer.alloc(12);
  head.write('PACK');
  head.writeUInt32BE(2, 4);
  head.writeUInt32BE(entries.length, 8);
  const parts: Buffer[] = [head];
  for (const entry of entries) parts.push(entryOf(entry, parts.at(-1)?.length ?? 0));
  const all = Buffer.concat(parts);
  return Buffer.concat([all, createHash('sha1').update(all).digest()]);
}

function entryOf(entry: Packed, distance: number): Buffer {
  if ('blob' in entry)
    return Buffer.concat([header(3, entry.blob.length), deflateSync(entry.blob, { level: 1 })]);
  const { delta, against } = entry;
  const isBefore = against === 'the one before';
  const base = isBefore ? Buffer.from(distanceBytes(distance)) : Buffer.from(against, 'hex');
  return Buffer.concat([header(isBefore ? 6 : 7, delta.length), base, deflateSync(delta)]);
}

/** A delta that copies the ranges of its base one after the other: each begins below 256 and is a multiple of 64 KiB long. */
export function copies(
  base: number,
  ranges: readonly { readonly from: number; readonly size: number }[],
): Buffer {
  const result = ranges.reduce((sum, { size }) => sum + size, 0);
  const bytes = ranges.flatMap(({ from, size }) => [0x80 | 0x01 | 0x40, from, size / 0x10000]);
  return Buffer.from([...sizeBytes(base), ...sizeBytes(result), ...bytes]);
}

function sizeBytes(size: number): readonly number[] {
  return size < 0x80 ? [size] : [(size % 0x80) | 0x80, ...sizeBytes(Math.floor(size / 0x80))];
}

function distanceBytes(distance: number): readonly number[] {
  const bytes = [distance % 0x80];
  for (let rest = Math.floor(distance / 0x80); rest > 0; rest = Math.floor(rest / 0x80)) {
    rest -= 1;
    bytes.unshift((rest % 0x80) | 0x80);
  }
  return bytes;
}

export function blobId(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

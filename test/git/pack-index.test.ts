import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { indexPack } from '../../src/git/pack-index.ts';
import { run } from '../repository.ts';
import { grow, newFolder, newRepository } from './backend.contract.ts';
import { blobId, copies, type Packed, packOf } from './packed.ts';

const MEBI = 1024 * 1024;

describe.each([
  ['against offsets', ['--delta-base-offset']],
  ['against ids', []],
])('a pack of git with deltas %s', (_name, options) => {
  test('gets the index that git gives it, byte for byte', async () => {
    const repository = await newRepository();
    const lines = Array.from({ length: 3000 }, (_, at) => `line ${at} of a file that grows\n`);
    for (const length of [1000, 2000, 3000]) {
      await repository.write('file', lines.slice(0, length).join(''));
      await grow(repository, `at-${length}`);
    }
    const base = join(await newFolder(), 'pack');
    const objects = await repository.git('rev-list', '--objects', '--all', '--no-object-names');
    const args = ['-C', repository.dir, 'pack-objects', '--quiet', ...options, base];
    await run('git', args, { input: `${objects}\n` });
    const [name = ''] = (await readdir(join(base, '..'))).filter((one) => one.endsWith('.pack'));
    const file = join(base, '..', name);
    const pack = await readFile(file);
    const index = await readFile(file.replace(/pack$/, 'idx'));
    expect((await indexPack(file, pack)).equals(index)).toBe(true);
    const verbose = await run('git', ['verify-pack', '-v', file]);
    expect(String(verbose)).toMatch(/^chain length = 1/m);
  });
});

const text = Buffer.from('some text that is the base of others\n');
const other = blobId(Buffer.from('nowhere'));
const outside = Buffer.from([text.length, 40, 0x80 | 0x01 | 0x10, 0, 40]);

describe('a pack that breaks the format', () => {
  test.each<[string, readonly Packed[], RegExp]>([
    [
      'a delta against what is not there',
      [{ blob: text }, { delta: copies(37, []), against: other }],
      /not in it/,
    ],
    ['a copy from outside', [{ blob: text }, { delta: outside, against: 'the one before' }], /outside/],
    [
      'another size of the base',
      [{ blob: text }, { delta: copies(36, []), against: 'the one before' }],
      /something else/,
    ],
    [
      'a reserved instruction',
      [{ blob: text }, { delta: Buffer.from([37, 1, 0]), against: blobId(text) }],
      /reserved/,
    ],
    [
      'too few instructions',
      [{ blob: text }, { delta: Buffer.from([37, 1]), against: blobId(text) }],
      /too early/,
    ],
    [
      'an instruction cut off',
      [{ blob: text }, { delta: Buffer.from([37, 1, 0x81]), against: blobId(text) }],
      /range/,
    ],
    [
      'a size without end',
      [{ blob: text }, { delta: Buffer.alloc(12, 0x80), against: blobId(text) }],
      /without end/,
    ],
  ])('%s', async (_name, entries, message) => {
    await expect(indexPack('a.pack', packOf(entries))).rejects.toThrow(message);
  });

  test.each<[string, (pack: Buffer) => void, RegExp]>([
    ['another version', (pack) => pack.writeUInt32BE(3, 4), /no pack/],
    ['fewer objects than it has', (pack) => pack.writeUInt32BE(0, 8), /behind its last/],
    ['more objects than it has', (pack) => pack.writeUInt32BE(2, 8), /./],
    ['a kind that does not exist', (pack) => pack.writeUInt8(0xd5, 12), /does not exist/],
    ['a larger size than its bytes have', (pack) => pack.writeUInt8(0xb6, 12), /instead of 38/],
    ['a smaller size than its bytes have', (pack) => pack.writeUInt8(0xb4, 12), /zlib/],
    ['no zlib stream', (pack) => pack.fill(0xff, 14, 18), /zlib/],
  ])('%s', async (_name, change, message) => {
    const pack = packOf([{ blob: text }]);
    change(pack);
    createHash('sha1')
      .update(pack.subarray(0, -20))
      .digest()
      .copy(pack, pack.length - 20);
    await expect(indexPack('a.pack', pack)).rejects.toThrow(message);
  });

  test('an object twice, once as a delta against itself, which no reader would get to the end of', async () => {
    const same = Buffer.concat([Buffer.from([text.length, text.length, text.length]), text]);
    const pack = packOf([{ blob: text }, { delta: same, against: blobId(text) }]);
    await expect(indexPack('a.pack', pack)).rejects.toThrow(/twice/);
  });

  test('a chain of deltas that is longer than git makes any', async () => {
    expect((await indexPack('a.pack', packOf(chainOf(4095)))).length).toBeGreaterThan(0);
    await expect(indexPack('a.pack', packOf(chainOf(4096)))).rejects.toThrow(/longer chain/);
  });

  test('a flipped bit: object-corrupt', async () => {
    const pack = packOf([{ blob: text }]);
    pack.writeUInt8(pack.readUInt8(20) ^ 1, 20);
    await expect(indexPack('a.pack', pack)).rejects.toMatchObject({ code: 'object-corrupt' });
  });

  test('a delta whose result is beyond what git makes one of: object-too-large', async () => {
    const ranges = Array.from({ length: 513 }, () => ({ from: 0, size: MEBI }));
    const entries: Packed[] = [
      { blob: Buffer.alloc(MEBI) },
      { delta: copies(MEBI, ranges), against: 'the one before' },
    ];
    await expect(indexPack('a.pack', packOf(entries))).rejects.toMatchObject({ code: 'object-too-large' });
  });
});

test('deltas that stand before what they are against are each looked at once, not once for each other one', async () => {
  const pack = packOf(chainOf(1000).toReversed());
  const read = vi.spyOn(pack, 'readUInt8');
  await indexPack('a.pack', pack);
  expect(read.mock.calls.length).toBeLessThan(20_000);
});

/** A blob, and so many deltas, each against the one before by its id. */
function chainOf(deltas: number): readonly Packed[] {
  const texts = Array.from({ length: deltas + 1 }, (_, at) => Buffer.from(`${10_000 + at}`));
  return texts.map((blob, at): Packed => {
    const before = texts[at - 1];
    if (before === undefined) return { blob };
    return { delta: Buffer.concat([Buffer.from([5, 5, 5]), blob]), against: blobId(before) };
  });
}

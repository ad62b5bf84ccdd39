import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { wholeFiles } from '../../src/git/files.ts';
import { createUpkeep } from '../../src/git/upkeep.ts';
import { createFolder } from '../repository.ts';

/** A store of so many packs, and joins that end when they are told to, by a promise or a signal. */
async function setUp(packs: number, limitMs = 600_000, confirm = async () => {}) {
  const { dir, close } = await createFolder();
  onTestFinished(close);
  const folder = join(dir, 'objects', 'pack');
  await mkdir(folder, { recursive: true });
  const write = async (count: number) => {
    for (let at = 0; at < count; at += 1) await writeFile(join(folder, `pack-${at}.pack`), '');
  };
  await write(packs);
  const joins: { readonly resolve: () => void; readonly promise: Promise<void> }[] = [];
  const told: unknown[] = [];
  const upkeep = createUpkeep({
    ...{ files: wholeFiles(), gitdir: dir, limitMs, confirm },
    async join(signal) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      signal.addEventListener('abort', () => reject(signal.reason));
      joins.push({ promise, resolve });
      await promise;
    },
    unjoined: (error) => told.push(error),
  });
  const begun = async (count: number) => {
    while (joins.length < count) {
      upkeep.begin();
      await new Promise(setImmediate);
    }
  };
  return { folder, write, joins, told, upkeep, begun };
}

test('packs are joined where there are many, and once at a time', async () => {
  const few = await setUp(20);
  few.upkeep.begin();
  await few.upkeep.end();
  expect(few.joins).toEqual([]);
  const { joins, told, upkeep, begun } = await setUp(21);
  await begun(1);
  for (let round = 0; round < 3; round += 1) upkeep.begin();
  joins[0]?.resolve();
  await begun(2);
  await upkeep.end();
  expect([joins.length, told]).toEqual([2, []]);
});

test('what takes too long is ended, told once, and tried again where there are twice as many', async () => {
  const { joins, told, upkeep, begun, write } = await setUp(21, 1);
  await begun(1);
  while (told.length === 0) await new Promise(setImmediate);
  await upkeep.end();
  upkeep.begin();
  await upkeep.end();
  expect(joins).toHaveLength(1);
  await write(43);
  await begun(2);
  await joins[1]?.promise.catch(() => {});
  await upkeep.end();
  expect(told.map(String)).toEqual([expect.stringContaining('timeout')]);
});

test('what a fetch that failed has left is swept once nobody writes', async () => {
  const { folder, joins, upkeep, begun } = await setUp(21);
  await begun(1);
  const ours = '.tmp-1-pack-0.pack';
  await writeFile(join(folder, ours), '');
  const failed = upkeep.writing(async () => {
    await writeFile(join(folder, 'tmp_pack_1'), '');
    throw new Error('cut off');
  });
  await expect(failed).rejects.toThrow('cut off');
  expect(await readdir(folder)).toEqual(expect.arrayContaining([ours, 'tmp_pack_1']));
  joins[0]?.resolve();
  await upkeep.end();
  expect((await readdir(folder)).filter((name) => name.includes('tmp'))).toEqual([]);
});

test('a store that is another’s is not written, and not swept while its writers work', async () => {
  let isTaken = false;
  const { folder, upkeep } = await setUp(0, 1, async () => {
    if (isTaken) throw new Error('taken');
  });
  let isRun = false;
  const work = async () => {
    isTaken = true;
    await writeFile(join(folder, 'tmp_pack_of_another'), '');
    throw new Error('failed');
  };
  await expect(upkeep.writing(work)).rejects.toThrow('failed');
  expect(await readdir(folder)).toEqual(['tmp_pack_of_another']);
  const next = upkeep.writing(async () => {
    isRun = true;
  });
  await expect(next).rejects.toThrow('taken');
  expect(isRun).toBe(false);
});

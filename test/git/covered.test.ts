import { copyFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dropCovered, packsIn } from '../../src/git/covered.ts';
import { wholeFiles } from '../../src/git/files.ts';
import { newFolder, newRepository } from './backend.contract.ts';

/** A folder with a pack, and with one that has all of that and more; their stems. */
async function setUp() {
  const repository = await newRepository();
  const from = join(repository.gitdir, 'objects', 'pack');
  const folder = await newFolder();
  const packed = async (name: string) => {
    await repository.write(name, name);
    await repository.commit(name);
    await repository.git('repack', '-a', '-d', '--quiet');
    for (const file of await readdir(from)) await copyFile(join(from, file), join(folder, file));
    return String(await packsIn(files, from));
  };
  return { folder, small: await packed('one'), large: await packed('two') };
}

const files = wholeFiles();

test('a pack goes with all of its files where another has every object of it, and no other', async () => {
  const { folder, small, large } = await setUp();
  await dropCovered(files, folder, [large], small);
  expect((await packsIn(files, folder)).length).toBe(2);
  await dropCovered(files, folder, [small], large);
  expect((await readdir(folder)).filter((name) => !name.startsWith(large))).toEqual([]);
});

test('an index that says more than its pack has costs no other pack', async () => {
  const { folder, small, large } = await setUp();
  const liar = `pack-${'1'.repeat(40)}`;
  await copyFile(join(folder, `${small}.pack`), join(folder, `${liar}.pack`));
  await copyFile(join(folder, `${large}.idx`), join(folder, `${liar}.idx`));
  await dropCovered(files, folder, [large], liar);
  expect((await readFile(join(folder, `${large}.pack`))).length).toBeGreaterThan(0);
  expect(await packsIn(files, folder)).toContain(large);
});

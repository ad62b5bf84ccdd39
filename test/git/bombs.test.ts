import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CAPS } from '../../src/git/index.ts';
import { run, type TestRepository } from '../repository.ts';
import { newFolder, newRepository } from './backend.contract.ts';
import { serveGit } from './http-remote.ts';
import { addPack, blobId, copies } from './packed.ts';

const MEBI = 1024 * 1024;
/** A little more than any object may have. */
const bomb = Buffer.alloc(CAPS.ownBytes + MEBI);
const bombId = blobId(bomb);
const spark = Buffer.from('x');
const MEBIS = Array.from({ length: bomb.length / MEBI }, () => ({ from: 0, size: MEBI }));

/** Each stores one blob that is larger than any may be, and returns its id. */
const oversized: Readonly<Record<string, (repository: TestRepository) => Promise<string>>> = {
  'an unpacked one': (repository) => unpacked(repository, bomb.subarray(0, 1)),
  'a packed one': async (repository) => {
    await addPack(repository, [{ blob: bomb }]);
    return bombId;
  },
  'a delta against a large one': async (repository) => {
    const delta = copies(bomb.length, [...MEBIS, { from: 0, size: MEBI }]);
    await addPack(repository, [{ blob: bomb }, { delta, against: bombId }]);
    return blobId(Buffer.alloc(bomb.length + MEBI));
  },
  'a delta against a small one': async (repository) => {
    await addPack(repository, [
      { blob: bomb.subarray(0, MEBI) },
      { delta: copies(MEBI, MEBIS), against: 'the one before' },
    ]);
    return bombId;
  },
};

/** Writes the bomb, its first byte replaced, as if it were the bomb. */
async function unpacked({ gitdir }: TestRepository, first: Uint8Array): Promise<string> {
  const content = [Buffer.from(`blob ${bomb.length}\0`), first, bomb.subarray(1)];
  const folder = join(gitdir, 'objects', bombId.slice(0, 2));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, bombId.slice(2)), deflateSync(Buffer.concat(content), { level: 1 }));
  return bombId;
}

type Outcome = { readonly outcome: string; readonly grownBytes: number };

type Where = { readonly gitdir: string; readonly url?: string };

async function readOne(backend: string, { gitdir, url }: Where, wanted: string): Promise<Outcome> {
  const program = join(import.meta.dirname, 'read-one.ts');
  const args = [program, backend, gitdir, blobId(spark), wanted, ...(url === undefined ? [] : [url])];
  return JSON.parse(String(await run(process.execPath, args))) as Outcome;
}

describe.each(['isomorphic', 'native'])('a blob beyond all caps, read by %s', (backend) => {
  test.each(Object.keys(oversized))('%s: object-malformed, and it is never in memory', async (how) => {
    const repository = await newRepository();
    await repository.store('blob', spark);
    const wanted = (await oversized[how]?.(repository)) ?? '';
    const { outcome, grownBytes } = await readOne(backend, repository, wanted);
    expect(outcome).toBe('object-malformed');
    expect(grownBytes).toBeLessThan(bomb.length / 2);
  });

  test('one that is not what its name says: object-corrupt', async () => {
    const repository = await newRepository();
    await repository.store('blob', spark);
    const wanted = await unpacked(repository, spark);
    const { outcome, grownBytes } = await readOne(backend, repository, wanted);
    expect(outcome).toBe('object-corrupt');
    expect(grownBytes).toBeLessThan(bomb.length / 2);
  });
});

describe.each(['isomorphic', 'native'])('a blob beyond all caps, fetched by %s', (backend) => {
  test.each(['path', 'http'])('by %s: it comes, is no file, and is never in memory', async (transport) => {
    const repository = await newRepository();
    await oversized[transport === 'path' ? 'an unpacked one' : 'a packed one']?.(repository);
    await repository.git('update-index', '--add', '--cacheinfo', `100644,${bombId},bomb.yaml`);
    await repository.git(...AUTHOR, 'commit', '--quiet', '-m', 'bomb');
    const server = await serveGit(dirname(repository.dir));
    onTestFinished(server.close);
    const url = transport === 'path' ? repository.dir : `${server.url}/${basename(repository.dir)}/.git`;
    const gitdir = join(await newFolder(), 'git');
    const { outcome, grownBytes } = await readOne(backend, { gitdir, url }, bombId);
    expect(outcome).toBe('object-malformed');
    expect(grownBytes).toBeLessThan(bomb.length / 2);
  });
});

const AUTHOR = ['-c', 'user.name=a', '-c', 'user.email=a@b'];

test('a small delta against a large one, as git may make it, is read', async () => {
  const repository = await newRepository();
  const delta = copies(bomb.length, [{ from: 0, size: MEBI }]);
  await addPack(repository, [{ blob: bomb }, { delta, against: 'the one before' }]);
  const { outcome } = await readOne('isomorphic', repository, blobId(bomb.subarray(0, MEBI)));
  expect(outcome).toBe('\0'.repeat(MEBI));
});

test('a small delta against a huge one is refused by its store, not by its bytes: object-too-large', async () => {
  const repository = await newRepository();
  await repository.store('blob', spark);
  const huge = Buffer.alloc(513 * MEBI);
  const delta = copies(huge.length, [{ from: 0, size: MEBI }]);
  await addPack(repository, [{ blob: huge }, { delta, against: 'the one before' }]);
  const wanted = blobId(bomb.subarray(0, MEBI));
  const { outcome, grownBytes } = await readOne('isomorphic', repository, wanted);
  expect(outcome).toBe('object-too-large');
  expect(grownBytes).toBeLessThan(bomb.length / 2);
  await repository.git('tag', 'huge', blobId(huge));
  await repository.git('tag', 'small', wanted);
  await repository.git('repack', '-a', '-d', '-F', '--quiet');
  expect(await readOne('isomorphic', repository, wanted)).toMatchObject({ outcome: '\0'.repeat(MEBI) });
});

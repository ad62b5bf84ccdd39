import { readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFolder, run } from '../repository.ts';
import type { Expectation } from './format.ts';
import { damages, openReader, play, readerNames, unbundle } from './play.ts';

/** G0: the same objects, stored, read and offered otherwise, in another place of the world. */
const data = join(import.meta.dirname, 'data');
/** Some of all kinds: each costs a few readings. */
const sample = readdirSync(data).filter((_, at) => at % 7 === 3);

let scratch: { dir: string; close(): Promise<void> };
beforeAll(async () => {
  scratch = await createFolder();
});
afterAll(() => scratch.close());

function runsOf(folder: string): Expectation['runs'] {
  const text = readFileSync(join(data, folder, 'expectation.json'), 'utf8');
  return (JSON.parse(text) as Expectation).runs.filter((each) => !damages(each));
}

async function verificationsOf(reader: string, gitdir: string, folder: string): Promise<readonly string[]> {
  const opened = await openReader(reader, gitdir);
  const found: string[] = [];
  for (const each of runsOf(folder)) found.push(...(await play(opened, each)).verifications);
  await opened.close();
  return found;
}

test.each(sample)('packed or loose, by either backend, at once or commit by commit: %s', async (folder) => {
  const found: (readonly string[])[] = [];
  for (const how of ['packed', 'loose'] as const) {
    const gitdir = join(scratch.dir, folder, how);
    await unbundle(join(data, folder, 'history.bundle'), gitdir, how);
    for (const reader of readerNames) found.push(await verificationsOf(reader, gitdir, folder));
  }
  for (const each of found) expect(each).toEqual(found[0]);
});

test('a process with another home, time zone, language, configuration and working directory says the same', async () => {
  const home = join(scratch.dir, 'home');
  await mkdir(home);
  const hostile = ['gpg.program', 'core.hooksPath', 'uploadpack.packObjectsHook', 'core.fsmonitor'];
  const settings = hostile.flatMap((key, at) => [
    [`GIT_CONFIG_KEY_${at}`, key],
    [`GIT_CONFIG_VALUE_${at}`, '/nowhere'],
  ]);
  const env = {
    ...{
      PATH: process.env.PATH,
      HOME: home,
      TZ: 'Pacific/Chatham',
      LANG: 'tr_TR.UTF-8',
      LC_ALL: 'tr_TR.UTF-8',
    },
    ...{ GIT_CONFIG_COUNT: String(hostile.length), ...Object.fromEntries(settings) },
    ...{ GIT_DIR: '/nowhere', GIT_REPLACE_REF_BASE: 'refs/heads/', NODE_OPTIONS: '--stack-trace-limit=3' },
  };
  const program = join(import.meta.dirname, 'verify-elsewhere.ts');
  for (const folder of sample.slice(0, 3)) {
    const gitdir = join(scratch.dir, folder, 'elsewhere');
    await unbundle(join(data, folder, 'history.bundle'), gitdir, 'packed');
    for (const reader of readerNames) {
      const args = [program, reader, gitdir, join(data, folder, 'expectation.json')];
      const out = String(await run(process.execPath, args, { cwd: '/', env }));
      expect(JSON.parse(out)).toEqual(await verificationsOf(reader, gitdir, folder));
    }
  }
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createLog } from '../../src/telemetry/log.ts';
import { createFolder, run } from '../repository.ts';

/** Says a thousand lines at each message, the last after `end`. */
const CHATTERBOX = `
  import { createLog } from ${JSON.stringify(join(import.meta.dirname, '../../src/telemetry/log.ts'))};
  process.stderr.on('error', () => {});
  const log = createLog(process.stderr);
  let at = 0;
  process.on('message', (word) => {
    for (let count = 0; count < 1_000; count += 1) log.info({ at: at++ }, 'said');
    setImmediate(() => process.send('done'));
    if (word === 'end') setImmediate(() => process.disconnect());
  });`;

it('goes on where its disk is full, and says what was lost when there is room', async () => {
  const folder = await createFolder();
  const disk = join(folder.dir, 'disk');
  await mkdir(disk);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk]);
  onTestFinished(async () => {
    await run('umount', ['--lazy', disk]);
    await folder.close();
  });
  const path = join(disk, 'log');
  await using file = await open(path, 'a');
  const args = ['--input-type=module', '--eval', CHATTERBOX];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', file.fd, 'ipc'] });
  const say = async (word: string) => {
    child.send(word);
    await once(child, 'message');
  };
  await say('while there is room');
  const ballast = join(disk, 'ballast');
  await expect(writeFile(ballast, Buffer.alloc(1_000_000))).rejects.toMatchObject({ code: 'ENOSPC' });
  await say('while there is none');
  await rm(ballast);
  const ended = once(child, 'close');
  await say('end');
  expect(await ended).toEqual([0, null]);
  const said = (await readFile(path, 'utf8')).split('\n').flatMap(parsed);
  const kept = said.flatMap(({ at }) => at ?? []);
  const lost = said.flatMap(({ lines }) => lines ?? []);
  expect(lost).toHaveLength(1);
  expect(lost[0]).toBeGreaterThan(900);
  // The beginning of one line may have found room.
  expect(3_000 - kept.length - (lost[0] ?? 0)).toBeLessThanOrEqual(1);
  expect([kept[0], kept.at(-1)]).toEqual([0, 2_999]);
});

it('keeps no more for a reader that stands still than it may', () => {
  const lines: string[] = [];
  let writableLength = 0;
  const log = createLog({
    get writableLength() {
      return writableLength;
    },
    write(line: string) {
      lines.push(line);
      writableLength += line.length;
      return false;
    },
  });
  for (let at = 0; at < 100; at += 1) log.info({ at, text: 'x'.repeat(100_000) }, 'said');
  expect(writableLength).toBeGreaterThan(1024 * 1024);
  expect(writableLength).toBeLessThan(1024 * 1024 + 200_000);
});

function parsed(line: string): readonly { readonly at?: number; readonly lines?: number }[] {
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}

import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createWorld } from '../../src/cli/demo/world.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fl-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function create() {
  const undo = new AsyncDisposableStack();
  const world = await createWorld(
    { ...process.env },
    (step) => undo.defer(async () => void (await step())),
    folder,
  );
  return { world, end: () => undo.disposeAsync() };
}

test('its end waits for what was started in time, and removes what that made', async () => {
  const { world, end } = await create();
  const late = Promise.withResolvers<void>();
  const started = world.inTime(async () => {
    await late.promise;
    await mkdir(join(world.folder, 'clone'), { recursive: true });
    await writeFile(join(world.folder, 'clone', 'file'), 'late');
  });
  const ended = end();
  late.resolve();
  await Promise.all([started, ended]);
  expect(await readdir(folder)).toEqual([]);
});

test('from its end on it starts nothing', async () => {
  const { world, end } = await create();
  const ended = end();
  await ended;
  let isStarted = false;
  const start = async () => {
    isStarted = true;
  };
  await expect(world.inTime(start)).rejects.toMatchObject({ code: 'demo-ended' });
  await expect(world.run(folder, 'true')).rejects.toMatchObject({ code: 'demo-ended' });
  expect(isStarted).toBe(false);
});

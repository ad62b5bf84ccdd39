import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  inspectDataFolder,
  nodeProcesses,
  openDataFolder,
  type Processes,
} from '../../src/reconcile/data-folder.ts';
import { nodeFiles } from '../../src/reconcile/files.ts';
import { createFolder } from '../repository.ts';

let folder: Awaited<ReturnType<typeof createFolder>>;
let path: string;
beforeEach(async () => {
  folder = await createFolder();
  path = join(folder.dir, 'state', 'fairlead');
});
afterEach(() => folder.close());

const other = (changes: Partial<Processes['self']>, alive = true): Processes => ({
  self: { ...nodeProcesses.self, ...changes },
  alive: () => alive,
  startTicks: nodeProcesses.startTicks,
});
const open = (processes?: Processes) => openDataFolder(path, nodeFiles, processes);
const code = (code: string) => expect.objectContaining({ code });

describe('openDataFolder', () => {
  it('makes the folder of formats.md, and lets go of it', async () => {
    const data = await open();
    const { gitdir, witness } = await data.repository('mesh');
    expect(gitdir).toBe(join(path, 'repositories/mesh/git'));
    expect(witness).toBe(join(path, 'repositories/mesh/witness.json'));
    expect(await readFile(join(path, 'format'), 'utf8')).toBe('fairlead-data 1\n');
    expect((await readdir(path)).sort()).toEqual(['format', 'lock', 'repositories']);
    await data.close();
    expect((await readdir(path)).sort()).toEqual(['format', 'repositories']);
    await (await open()).close();
  });

  it('refuses a folder that this process or another live one holds', async () => {
    const data = await open();
    await expect(open()).rejects.toEqual(code('data-in-use'));
    await expect(open(other({ pid: process.pid + 1 }))).rejects.toEqual(code('data-in-use'));
    await data.close();
  });

  it.each([
    ['its pid is dead', other({ pid: process.pid + 1 }, false)],
    [
      'its pid is ours, as pid 1 of a restarted container is',
      other({ startedMs: nodeProcesses.self.startedMs + 5 }),
    ],
    ['its machine was started anew, and its pid is another’s', other({ pid: 1, boot: 'after' })],
    [
      'its pid is another’s since',
      { ...other({ pid: process.pid + 1 }), startTicks: () => (nodeProcesses.self.startTicks ?? 0) + 1 },
    ],
  ])('takes over a lock where %s', async (_, later) => {
    await open();
    const data = await open(later);
    expect(JSON.parse(await readFile(join(path, 'lock'), 'utf8'))).toEqual(later.self);
    expect(await readdir(path)).not.toContain('lock.dead');
    await data.close();
  });

  it.each([
    ['a daemon that has the pid since the power came back', { pid: process.ppid, startTicks: 1 }],
    ['a process before the machine’s last start', { pid: process.ppid, boot: 'before' }],
  ])('takes over what real processes show to be left behind: the lock of %s', async (_, left) => {
    await (await open()).close();
    await writeFile(join(path, 'lock'), JSON.stringify({ ...nodeProcesses.self, ...left }));
    expect(await inspectDataFolder(path)).toBeNull();
    await (await open()).close();
  });

  it('knows a process of its machine by its start, and one of an older version by its pid', async () => {
    await (await open()).close();
    const parent = { ...nodeProcesses.self, pid: process.ppid };
    const startTicks = nodeProcesses.startTicks(process.ppid);
    const { host, pid, startedMs } = parent;
    for (const holder of [
      { ...parent, startTicks },
      { host, pid, startedMs },
    ]) {
      await writeFile(join(path, 'lock'), JSON.stringify(holder));
      await expect(open()).rejects.toEqual(code('data-in-use'));
    }
  });

  it.each([1, 4_000_000])(
    'never takes the lock of another host, whose pid %d is not of this one, and says what to do',
    async (pid) => {
      await (await open()).close();
      const lock = join(path, 'lock');
      const text = JSON.stringify({ host: 'old-container', pid, startedMs: 1_000 });
      await writeFile(lock, text);
      await expect(open()).rejects.toMatchObject({
        code: 'data-in-use',
        fix: expect.stringContaining(`if old-container is gone for good`),
      });
      expect(await readFile(lock, 'utf8')).toBe(text);
      expect((await readdir(path)).sort()).toEqual(['format', 'lock']);
      await rm(lock);
      await (await open()).close();
    },
  );

  it('has no lock that is not whole, whoever looks at it when', async () => {
    await (await open()).close();
    const lock = join(path, 'lock');
    let looking = true;
    const seen = new Set<string>();
    const look = async () => {
      while (looking) seen.add(await readFile(lock, 'utf8').catch(() => 'none'));
    };
    const looked = look();
    for (let round = 0; round < 20; round++) await (await open()).close();
    looking = false;
    await looked;
    const whole = `${JSON.stringify(nodeProcesses.self)}\n`;
    expect([...seen].filter((text) => text !== 'none' && text !== whole)).toEqual([]);
  });

  it.each(['', '{"host":', '{"host":"a","pid":-1,"startedMs":0}'])(
    'takes over a lock cut off: %j',
    async (text) => {
      await (await open()).close();
      await writeFile(join(path, 'lock'), text);
      await (await open()).close();
    },
  );

  it('gives a dead lock to one of many that want it', async () => {
    await open();
    const many = Array.from({ length: 8 }, (_, i) => other({ pid: process.pid + 1 + i }, false));
    const results = await Promise.allSettled(many.map(open));
    const held = results.filter(({ status }) => status === 'fulfilled').length;
    expect(held).toBeLessThanOrEqual(1);
  });

  const refused = (message: string, fix: string) =>
    expect.objectContaining({
      code: 'data-format',
      message: expect.stringContaining(message),
      fix: expect.stringContaining(fix),
    });

  it.each([
    ['newer', 'fairlead-data 2\n', 'has format 2, of a newer version', 'start that version again, or move'],
    ['older', 'fairlead-data 0\n', 'has format 0, of an older version', 'to upgrade, move'],
    ['cut off', 'fairlead-da', 'which no version wrote', 'restore it, or move'],
    ['empty', '', 'which no version wrote', 'restore it, or move'],
  ])(
    'changes nothing in a folder whose format is %s, and says how to go on',
    async (_, text, message, fix) => {
      const data = await open();
      await data.repository('mesh');
      await data.close();
      await writeFile(join(path, 'format'), text);
      await expect(open()).rejects.toEqual(refused(message, fix));
      await expect(inspectDataFolder(path)).rejects.toEqual(refused(message, fix));
      expect((await readdir(path)).sort()).toEqual(['format', 'repositories']);
      expect(await readFile(join(path, 'format'), 'utf8')).toBe(text);
    },
  );

  it.each(['repositories', 'suspend.json'])(
    'makes no new folder of one that has %s and no format',
    async (name) => {
      const data = await open();
      if (name === 'repositories') await data.repository('mesh');
      else await writeFile(data.suspensions, '{}');
      await data.close();
      await rm(join(path, 'format'));
      await expect(open()).rejects.toEqual(
        refused(`has ${name}, but no file that says its format`, 'restore'),
      );
      await expect(inspectDataFolder(path)).rejects.toEqual(code('data-format'));
      expect(await readdir(path)).toEqual([name]);
    },
  );

  it('takes a volume for a new folder, whatever its file system keeps in it', async () => {
    await mkdir(join(path, 'lost+found'), { recursive: true });
    await (await open()).close();
    expect((await readdir(path)).sort()).toEqual(['format', 'lost+found']);
  });

  it('says what is wrong with a folder that cannot be made', async () => {
    await writeFile(join(folder.dir, 'state'), 'a file');
    await expect(open()).rejects.toEqual(code('data-unwritable'));
  });
});

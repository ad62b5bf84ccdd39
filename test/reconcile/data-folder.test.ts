import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/reconcile/clock.ts';
import { inspectDataFolder, openDataFolder } from '../../src/reconcile/data-folder.ts';
import { type Files, nodeFiles } from '../../src/reconcile/files.ts';
import { nodeProcesses, type Processes } from '../../src/reconcile/lock-holder.ts';
import { createFolder } from '../repository.ts';
import { quiet } from '../server.ts';
import { simulatedClock } from './clock.ts';

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
const world = { clock: systemClock, log: quiet, lost() {} };
const open = (processes?: Processes) => openDataFolder(path, world, nodeFiles, processes);
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

  it('takes over what real processes show to be left behind: a daemon has its pid by now', async () => {
    await (await open()).close();
    const left = { pid: process.ppid, startTicks: 1 };
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

  it('lets go of its own lock alone', async () => {
    const data = await open();
    const text = JSON.stringify({ host: 'another', pid: 1, startedMs: 1_000 });
    await writeFile(join(path, 'lock'), text);
    await data.close();
    expect(await readFile(join(path, 'lock'), 'utf8')).toBe(text);
  });

  it('clears away the drafts of locks whose processes died, and nothing else', async () => {
    await (await open()).close();
    await writeFile(join(path, `lock.${randomUUID()}.tmp`), 'draft');
    await writeFile(join(path, 'lock.tmp'), 'an operator’s');
    const data = await open();
    expect((await readdir(path)).sort()).toEqual(['format', 'lock', 'lock.tmp']);
    await data.close();
  });

  it('gives back a live lock that it moved by mistake, whoever took the free name meanwhile', async () => {
    await open();
    const [first, second, third] = [1, 2, 3].map((startedMs) => ({
      ...other({ pid: process.pid + startedMs, startedMs }),
      alive: (pid: number) => pid !== process.pid,
      startTicks: () => nodeProcesses.self.startTicks,
    }));
    const late: Promise<unknown>[] = [];
    const between = {
      ...nodeFiles,
      async rename(from: string, to: string) {
        await open(first); // The second has read the dead lock, and moves this one.
        await nodeFiles.rename(from, to);
        late.push(expect(open(third)).rejects.toEqual(code('data-in-use')));
        await Promise.all(late);
      },
    };
    await expect(openDataFolder(path, world, between, second)).rejects.toEqual(code('data-in-use'));
    expect(late).toHaveLength(1);
    expect(JSON.parse(await readFile(join(path, 'lock'), 'utf8'))).toEqual(first?.self);
    expect((await readdir(path)).sort()).toEqual(['format', 'lock']);
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
    const many = Array.from({ length: 8 }, (_, i) => ({
      ...other({ pid: process.pid + 1 + i }),
      alive: (pid: number) => pid !== process.pid,
      startTicks: () => nodeProcesses.self.startTicks,
    }));
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

  it.each([
    ['a file', 'state', 'state: it is a file and not a folder'],
    ['in a file', 'state/fairlead', 'what it would be in is a file'],
    ['in a folder of a file', 'state/fairlead/more', 'what it would be in is a file'],
    ['where nothing can be made', '/proc/fairlead', 'cannot use /proc/fairlead: '],
  ])('says what is wrong with a folder that cannot be made: %s', async (_, name, message) => {
    await writeFile(join(folder.dir, 'state'), 'a file');
    const opening = openDataFolder(resolve(folder.dir, name), world);
    const wrong = { code: 'data-unwritable', message: expect.stringContaining(message) };
    await expect(opening).rejects.toMatchObject(wrong);
  });
});

describe.each([
  ['another pid namespace, as containers of one host name have', 'pidNamespace'],
  ['another boot, of this machine or of one where a Pod of this name was before', 'boot'],
])('a lock of %s', (_, apart) => {
  const lock = () => join(path, 'lock');
  const container = (name: string, pid = 1): Processes => ({
    self: { ...nodeProcesses.self, pid, startedMs: name.length, [apart]: `pid:[${name}]` },
    alive: () => false,
    startTicks: () => null,
  });
  /** A hundred times as fast; `look` is called at each timer, and told how long it was. */
  const fast = (look = async (_ms: number) => {}) => {
    let steadyMs = 0;
    const after = (delayMs: number, run: () => void) => {
      const timer = setTimeout(() => {
        steadyMs += delayMs;
        void look(delayMs).then(run);
      }, delayMs / 100);
      return () => clearTimeout(timer);
    };
    return { ...systemClock, steadyMs: () => steadyMs, after };
  };
  /** A file system whose clock is set forward by so much while the holder lives. */
  const setForward = (byMs: () => number): Files => ({
    ...nodeFiles,
    async touched(path) {
      const touched = await nodeFiles.touched(path);
      return touched && { ...touched, ageMs: touched.ageMs + byMs() };
    },
  });
  const leave = async (ageMs: number) => {
    await (await open()).close();
    await writeFile(lock(), `${JSON.stringify(container('dead').self)}\n`);
    const at = new Date(Date.now() - ageMs);
    await utimes(lock(), at, at);
  };

  it.each([1, 7])('is held while its holder, pid %d there, touches it', async (pid) => {
    const clock = fast();
    const old = await openDataFolder(path, { ...world, clock }, nodeFiles, container('old', pid));
    const text = await readFile(lock(), 'utf8');
    await expect(
      openDataFolder(path, { ...world, clock }, nodeFiles, container('younger')),
    ).rejects.toMatchObject({
      code: 'data-in-use',
      message: expect.stringContaining('a process of another container'),
      fix: expect.stringContaining('stop it, or wait 30 s after it died'),
    });
    expect(await readFile(lock(), 'utf8')).toBe(text);
    expect(await inspectDataFolder(path, nodeFiles, container('younger'))).toBe(text.trim());
    expect((await readdir(path)).sort()).toEqual(['format', 'lock']);
    await old.close();
    expect(await readdir(path)).toEqual(['format']);
  });

  it.each([
    ['after 7 s without a touch where it was not touched for 30 s', 31_000, 7],
    ['when it was not touched for 30 s', 20_000, 10],
    ['after 30 s without a touch where its time lies ahead', -3_600_000, 30],
  ])('is taken over %s, and who waits says so', async (_, ageMs, looks) => {
    await leave(ageMs);
    expect(await inspectDataFolder(path, nodeFiles, container('new'))).toEqual(
      ageMs > 30_000 ? null : expect.stringContaining('pid:[dead]'),
    );
    let looked = 0;
    // Who has it touches it, less often.
    const clock = fast(async (ms) => {
      if (ms === 1_000) looked += 1;
    });
    const said: string[] = [];
    const log = { ...quiet, warn: (_: unknown, message: string) => void said.push(message) };
    // However long this machine takes for it.
    const touched = async (file: string) => {
      const real = await nodeFiles.touched(file);
      return real && { ...real, ageMs: ageMs + clock.steadyMs() };
    };
    const files = { ...nodeFiles, touched };
    const data = await openDataFolder(path, { ...world, clock, log }, files, container('new'));
    expect(looked).toBe(looks);
    expect(said).toEqual([expect.stringContaining('waiting for the data folder')]);
    expect(JSON.parse(await readFile(lock(), 'utf8'))).toEqual(container('new').self);
    await data.close();
  });

  it('is held by a live holder, however far the file system’s clock is set forward', async () => {
    const clock = fast();
    const old = await openDataFolder(path, { ...world, clock }, nodeFiles, container('old'));
    const opening = openDataFolder(
      path,
      { ...world, clock },
      setForward(() => 3_600_000),
      container('new'),
    );
    await expect(opening).rejects.toEqual(code('data-in-use'));
    expect(await readFile(lock(), 'utf8')).toContain('pid:[old]');
    await old.close();
  });

  it('is given back where its holder woke up at the last moment', async () => {
    await leave(31_000);
    const waking = {
      ...nodeFiles,
      async rename(from: string, to: string) {
        const text = await readFile(lock(), 'utf8');
        expect(await nodeFiles.touch(lock(), text)).toBe(true);
        await nodeFiles.rename(from, to);
      },
    };
    const opening = openDataFolder(path, { ...world, clock: fast() }, waking, container('new'));
    await expect(opening).rejects.toEqual(code('data-in-use'));
    expect(await readFile(lock(), 'utf8')).toContain('pid:[dead]');
    expect((await readdir(path)).sort()).toEqual(['format', 'lock']);
  });

  it('is taken as soon as its holder lets go of it', async () => {
    const old = await openDataFolder(path, world, nodeFiles, container('old'));
    const clock = fast(() => old.close());
    await (await openDataFolder(path, { ...world, clock }, nodeFiles, container('new'))).close();
  });

  it('tells its holder when it is another’s, once, and lets it write nothing more', async () => {
    const said: string[] = [];
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const log = { ...quiet, error: (_: unknown, message: string) => void said.push(message) };
    const paused = { log, clock: fast(), lost: resolve };
    const data = await openDataFolder(path, paused, nodeFiles, container('paused'));
    await writeFile(lock(), JSON.stringify(container('new').self));
    expect(await promise).toEqual(code('data-taken'));
    expect(said).toEqual([expect.stringMatching(/not ours any more: .*lock is held by .*pid:\[new\]/)]);
    await refusesToWrite(data);
    expect(said).toHaveLength(1);
    await data.close();
    expect(await readFile(lock(), 'utf8')).toContain('pid:[new]');
  });

  const refusesToWrite = async ({ files, repository }: Awaited<ReturnType<typeof open>>) => {
    const file = join(path, 'file');
    for (const work of [
      () => files.write(file, 'text', 'replace'),
      () => files.rename(join(path, 'format'), file),
      () => files.remove(join(path, 'format')),
      () => files.makeDirectory(file),
      () => repository('mesh'),
    ])
      await expect(work()).rejects.toEqual(code('data-taken'));
    expect((await readdir(path)).sort()).toEqual(['format', 'lock']);
  };

  it('is looked at after a pause before anything is written, by the steady clock alone', async () => {
    const clock = simulatedClock();
    const lost: unknown[] = [];
    const paused = { ...world, clock, lost: (why: unknown) => lost.push(why) };
    const data = await openDataFolder(path, paused, nodeFiles, container('paused'));
    await data.files.write(join(path, 'file'), 'ours', 'replace');
    await writeFile(lock(), JSON.stringify(container('new').self));
    clock.pass(31_000);
    await expect(data.files.write(join(path, 'file'), 'not ours', 'replace')).rejects.toEqual(
      code('data-taken'),
    );
    expect(await readFile(join(path, 'file'), 'utf8')).toBe('ours');
    expect(lost).toHaveLength(1);
    await data.close();
  });

  it('stays its holder’s while it is moved by mistake, and what is written waits until it is back', async () => {
    const clock = simulatedClock();
    const data = await openDataFolder(path, { ...world, clock }, nodeFiles, container('holder'));
    await rename(lock(), `${lock()}.dead`);
    clock.pass(6_000);
    let isWritten = false;
    const writing = data.files.write(join(path, 'file'), 'ours', 'replace').then(() => {
      isWritten = true;
    });
    await expect.poll(() => clock.pending()).toBe(2);
    expect(isWritten).toBe(false);
    await rename(`${lock()}.dead`, lock());
    await clock.advance(200);
    await writing;
    await data.close();
    expect((await readdir(path)).sort()).toEqual(['file', 'format']);
  });
});

it('of a full disk nothing is promised: a start and a command end by it, and are not tried again', async () => {
  await expect(nodeFiles.write('/dev/full', 'text', 'replace')).rejects.toMatchObject({
    code: 'disk-full',
    fix: 'free disk space',
  });
});

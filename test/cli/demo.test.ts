import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cacheDir } from '../envoy.ts';
import { BIN, createHome, type Home, runChild } from './fairlead.ts';

let home: Home;
let folder: string;
beforeEach(async () => {
  home = await createHome();
  // All that the demo makes lies below TMPDIR, so that what it leaves behind can be seen.
  folder = join(home.dir, 't');
  await mkdir(folder);
});
afterEach(() => home.close());

type OnOutput = (out: string, kill: (signal: NodeJS.Signals) => void) => void;

function demo(args: readonly string[], onOutput?: OnOutput) {
  // The Envoy is fetched once per machine, not once per test.
  const environment = {
    ...home.environment,
    TMPDIR: folder,
    COLUMNS: '80',
    XDG_CACHE_HOME: join(cacheDir(), '..'),
  };
  const watch = onOutput === undefined ? {} : { onOutput };
  return runChild(process.execPath, [BIN, 'demo', ...args], { cwd: home.dir, environment, ...watch });
}

/** What differs from run to run: ids, times, shares, ports and folders. */
function normalise(transcript: string): string {
  return transcript
    .replaceAll(folder, 'TMP')
    .replace(/fairlead-\w{6}/g, 'FOLDER')
    .replace(/\b[0-9a-f]{10}\b/g, '<a-commit>')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:<port>')
    .replace(/\[1+2+\]/g, '[<bar>]')
    .replace(/\d+\.\d %/g, '<share> %')
    .replace(/\d+\.\d s\b/g, '<time> s')
    .replace(/ACK of Envoy: \d+ ms/, 'ACK of Envoy: <time> ms')
    .replace(/^( {4}= notice).*$/m, (line) => line.replace(/\d+/g, '<ms>'));
}

/** Command lines of all processes that name the folder. */
async function processes(): Promise<readonly string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => line.includes(folder)).map((line) => line.replaceAll('\0', ' '));
}

/** An agent of gpg that is told to end says yes, and ends then. */
const allEnded = () => expect.poll(processes).toEqual([]);

test('its transcript, off a terminal, at 80 columns, without colour; nothing is left behind', async () => {
  const startedMs = performance.now();
  const { code, out, err } = await demo([]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(performance.now() - startedMs).toBeLessThan(60_000);
  expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(out).not.toContain('\u001b');
  expect(await readdir(folder)).toEqual([]);
  await allEnded();
  await expect(normalise(out)).toMatchFileSnapshot('../golden/demo.txt');
});

test.each([
  ['while it makes keys', 'keys:'],
  ['while Envoy starts', '$ envoy'],
  ['in the middle of its story', '(b)'],
])('Ctrl-C %s cleans up', async (_, line) => {
  let sent = false;
  const { code } = await demo([], (out, kill) => {
    if (sent || !out.includes(line)) return;
    sent = true;
    // As a terminal and npm do together.
    kill('SIGINT');
    kill('SIGINT');
  });
  expect(code).toBe(130);
  expect(await readdir(folder)).toEqual([]);
  await allEnded();
});

test('--keep leaves all running until Ctrl-C: the server and an offline clone agree byte for byte', async () => {
  let looked: ReturnType<typeof lookAround> | null = null;
  const { code } = await demo(['--keep'], (out, kill) => {
    const [, server, clone] = /fairlead status --server (\S+)\n[\s\S]* -C (\S+)\n.*curl /.exec(out) ?? [];
    if (server === undefined || clone === undefined || looked !== null) return;
    looked = lookAround(server, clone).finally(() => kill('SIGINT'));
  });
  expect(code).toBe(0);
  const { proxies, offline, online } = (await looked) ?? expect.fail('it did not say how to look around');
  expect(proxies).toMatchObject({ code: 0, out: expect.stringContaining('sidecar.demo') });
  expect(offline).toMatchObject({ code: 3, out: online });
  expect(await readdir(folder)).toEqual([]);
  await allEnded();
});

async function lookAround(server: string, clone: string) {
  const proxies = await home.fairlead('.', 'proxy-status', '--server', server);
  const offline = await home.fairlead('.', 'verify', '-C', clone, '-o', 'json');
  const online = await (await fetch(`${server}/api/v1/repositories/mesh/verification`)).text();
  return { proxies, offline, online };
}

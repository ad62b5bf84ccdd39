import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { must } from '../../src/base/must.ts';
import { gitEnvironment, run } from '../repository.ts';
import { backendNames } from './backends.ts';
import { type History, type HistoryOptions, historyOf } from './history.ts';
import type { Options } from './options.ts';
import { cache, type Figure, publish } from './report.ts';

type Time = { readonly ms: number; readonly cpuMs: number };
type Verified = {
  readonly cold: Time;
  readonly one: Time;
  readonly again: Time;
  readonly accepted: number;
  readonly held: number;
  readonly peakMb: number;
};
type Floor = Time & { readonly objects: number; readonly checks: number; readonly peakMb: number };

/** Floor and cold by turns, each in a process of its own; the pair whose ratio is the median is shown. */
const TURNS = 3;
/** Commits for `git verify-commit`, one process each as git's users have it. */
const SAMPLE = 60;
/** OpenPGP checks are slower, and so is signing: a smaller history. */
const OPENPGP_SHARE = 8;
const SCOPES = 100;

/** How fast a whole history is verified, beside `git verify-commit` and beside the floor; both formats, each backend. */
export async function benchVerify({ commits, scopes: wanted, backend }: Options): Promise<void> {
  const scopes = wanted ?? SCOPES;
  const figures: Figure[] = [];
  const ssh = { commits, scopes, format: 'ssh' } as const;
  const openpgp = { commits: Math.ceil(commits / OPENPGP_SHARE), scopes, format: 'openpgp' } as const;
  for (const options of [ssh, openpgp]) figures.push(...(await measure(options, backend)));
  await publish('verify', { title: 'verify', parameters: { commits, scopes }, figures });
}

async function measure(options: HistoryOptions, backend: string | null): Promise<readonly Figure[]> {
  const history = await historyOf(cache, options);
  const loop = await verifyCommitRate(history);
  const name = options.format;
  const figures: Figure[] = [
    { what: `${name}: git verify-commit`, value: loop, unit: 'commits/s', note: `${SAMPLE} sampled` },
  ];
  for (const each of backend === null ? backendNames : [backend]) {
    figures.push(...(await backendFigures(history, each, loop)));
  }
  return figures;
}

async function backendFigures(history: History, backend: string, loop: number): Promise<readonly Figure[]> {
  const pairs = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    const floor = await child<Floor>(history, backend, 'floor');
    pairs.push({ floor, verified: await child<Verified>(history, backend, 'verify') });
  }
  const { floor, verified } = must(pairs.sort((left, right) => beside(left) - beside(right))[TURNS >> 1]);
  const { cold, one, again, accepted, held, peakMb } = verified;
  const pulls = history.approvals.length / 2;
  if (accepted !== pulls || held > 0) throw new Error(`${accepted} of ${pulls} accepted, ${held} held`);
  const rate = history.commits / (cold.ms / 1000);
  const name = `${history.format}, ${backend}`;
  const share = ({ ms }: Time) => (100 * ms) / cold.ms;
  return [
    { what: `${name}: cold`, value: rate, unit: 'commits/s', note: `${(cold.ms / 1000).toFixed(1)} s` },
    { what: `${name}: beside the loop`, value: rate / loop, unit: '×', note: 'aim ≥ 30 (SSH, native)' },
    {
      what: `${name}: beside the floor`,
      value: beside({ floor, verified }),
      unit: '×',
      note: `aim ≤ 2 (SSH, native); ${floor.objects} objects, ${floor.checks} checks in ${(floor.ms / 1000).toFixed(1)} s`,
    },
    { what: `${name}: one more merge`, value: share(one), unit: '% of cold', note: '' },
    { what: `${name}: nothing new`, value: share(again), unit: '% of cold', note: 'aim ≤ 1' },
    { what: `${name}: peak memory`, value: peakMb, unit: 'MB', note: 'aim < 500' },
  ];
}

function beside({ floor, verified }: { readonly floor: Time; readonly verified: Verified }): number {
  return verified.cold.ms / floor.ms;
}

async function child<T>({ dir }: History, backend: string, what: 'verify' | 'floor'): Promise<T> {
  const program = join(import.meta.dirname, 'verify-child.ts');
  return JSON.parse(String(await run(process.execPath, [program, dir, backend, what]))) as T;
}

/** Commits a second of one `git verify-commit` after the other, on a sample spread over the history. */
async function verifyCommitRate(history: History): Promise<number> {
  const step = Math.max(1, Math.floor(history.approvals.length / SAMPLE));
  const sample = history.approvals.filter((_, index) => index % step === 0).slice(0, SAMPLE);
  const home = await keyring(history.certificates);
  const env = { ...gitEnvironment, GNUPGHOME: home };
  const signers = `gpg.ssh.allowedSignersFile=${history.allowedSigners}`;
  try {
    const startMs = performance.now();
    for (const id of sample) {
      await run('git', ['-C', history.gitdir, '-c', signers, 'verify-commit', id], { env });
    }
    return sample.length / ((performance.now() - startMs) / 1000);
  } finally {
    await run('gpgconf', ['--homedir', home, '--kill', 'all']);
    await rm(home, { recursive: true });
  }
}

/** A GNUPGHOME that knows the anchors' certificates; short, because gpg-agent's socket lies there. */
async function keyring(certificates: readonly string[]): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'flb-'));
  await writeFile(join(home, 'gpg.conf'), 'batch\nno-tty\nno-autostart\ntrust-model always\n');
  for (const input of certificates) await run('gpg', ['--homedir', home, '--quiet', '--import'], { input });
  return home;
}

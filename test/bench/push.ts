import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { run } from '../repository.ts';
import { freePort } from '../xds/envoy-process.ts';
import { scopeName } from './history.ts';
import type { Options } from './options.ts';
import { cache, type Figure, median, publish } from './report.ts';

/** A server to be measured: its process, where it answers, and what the load client has to know about it. */
type Server = {
  readonly child: ChildProcess;
  readonly xdsPort: number;
  readonly adminPort: number;
  readonly client: readonly string[];
};

type Round = {
  readonly syncMs: number;
  readonly lastMs: number;
  readonly medianMs: number;
  readonly kB: number;
  readonly messages: number;
  readonly resources: number;
  readonly cpuS: number;
  readonly rssMb: number;
};

export type Size = { readonly clients: number; readonly services: number };

/** The one that a run is told, or all. */
export function sizesOf({ services, clients }: Options, all: readonly Size[]): readonly Size[] {
  if (services === null && clients === null) return all;
  return [{ services: services ?? 100, clients: clients ?? 200 }];
}

type Contender = { readonly name: string; start(services: number): Promise<Server> };

/** What the unit in `deploy/systemd` has Node run with. */
export const SERVED_WITH = ['--max-semi-space-size=16'];

/** Streams and services: both are held against the peer. */
const SIZES: readonly Size[] = [
  { clients: 2_000, services: 100 },
  { clients: 200, services: 1_000 },
];
const ROUNDS = 5;
/** Turns in which each server is measured once, one after the other. */
const TURNS = 2;

/** One weight edit to many delta streams: ours and go-control-plane's snapshot cache, in turns, under the same client. */
export async function benchPush(options: Options): Promise<void> {
  const programs = await buildTools(options.tools);
  if (programs === null) return;
  const figures: Figure[] = [];
  for (const size of sizesOf(options, SIZES)) {
    const contenders = [ours(), peer(programs.peer)];
    const rounds = new Map<string, Round[]>(contenders.map(({ name }) => [name, []]));
    for (let turn = 0; turn < TURNS; turn += 1) {
      for (const contender of contenders) {
        rounds.get(contender.name)?.push(await measure(contender, size, programs.load));
      }
    }
    figures.push(...report(size, rounds));
  }
  await publish('push', { title: 'push', parameters: { rounds: ROUNDS, turns: TURNS }, figures });
}

/** Builds the Go programs; null, with a word why, where they are not here. */
async function buildTools(folder: string): Promise<{ load: string; peer: string } | null> {
  const bin = join(cache, 'bin');
  try {
    await access(join(folder, 'xdsload', 'main.go'));
    await mkdir(bin, { recursive: true });
    for (const name of ['xdsload', 'gcp-peer']) {
      await run('go', ['build', '-o', join(bin, name), '.'], { cwd: join(folder, name) });
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    process.stdout.write(
      `\npush: left out, it needs Go and the load client in ${folder} (--tools): ${why}\n`,
    );
    return null;
  }
  return { load: join(bin, 'xdsload'), peer: join(bin, 'gcp-peer') };
}

function ours(): Contender {
  const namespace = scopeName(0);
  const id = `sidecar~10.1.%d.%d~app-%d.${namespace}~${namespace}.svc.cluster.local`;
  const client = ['-id', id, '-meta', JSON.stringify({ NAMESPACE: namespace }), '-rds', 'http_proxy'];
  return {
    name: 'fairlead',
    async start(services) {
      const program = join(import.meta.dirname, 'push-child.ts');
      const child = pinned(serverCore(), process.execPath, [...SERVED_WITH, program, String(services)]);
      const line = await firstLine(child);
      return { child, client, ...(JSON.parse(line) as { xdsPort: number; adminPort: number }) };
    },
  };
}

function peer(program: string): Contender {
  return {
    name: 'go-control-plane',
    async start(services) {
      const [xdsPort, adminPort] = [await freePort(), await freePort()];
      const args = ['-services', services, '-port', xdsPort, '-admin', adminPort].map(String);
      const child = pinned(serverCore(), program, args);
      await firstLine(child);
      return { child, xdsPort, adminPort, client: ['-rds', 'routes', '-eds-prefix', 'svc-'] };
    },
  };
}

/** The client has the last core for itself. */
export const clientCore = () => String(cpus().length - 1);
export const serverCore = () => (cpus().length > 2 ? `0-${cpus().length - 2}` : '0');

export function pinned(cores: string, program: string, args: readonly string[]): ChildProcess {
  return spawn('taskset', ['-c', cores, program, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
}

/** What it prints first, on either stream, when it is ready. */
export async function firstLine({ stdout, stderr }: ChildProcess): Promise<string> {
  const streams = [stdout, stderr].filter((stream) => stream !== null);
  const [line] = (await Promise.race(
    streams.map((input) => once(createInterface({ input }), 'line')),
  )) as string[];
  return line ?? '';
}

async function measure(contender: Contender, size: Size, load: string): Promise<Round> {
  const server = await contender.start(size.services);
  const { child, xdsPort, adminPort, client } = server;
  try {
    const trigger = `curl -s -X POST http://127.0.0.1:${adminPort}/flip`;
    const args = [
      '-addr',
      `127.0.0.1:${xdsPort}`,
      '-clients',
      String(size.clients),
      '-pid',
      String(child.pid),
    ];
    const rest = ['-rounds', String(ROUNDS), '-timeout', '120s', '-trigger', trigger, ...client];
    const { stdout } = await execFileText('taskset', ['-c', clientCore(), load, ...args, ...rest]);
    return parse(stdout);
  } finally {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
}

const execFileText = promisify(execFile);

/** What the load client prints. */
function parse(text: string): Round {
  const number = (pattern: RegExp) => {
    const [, digits] = pattern.exec(text) ?? [];
    if (digits === undefined) throw new Error(`the load client says something else: ${text}`);
    return Number(digits);
  };
  return {
    syncMs: number(/^sync .* clients: (\d+) ms/m),
    lastMs: number(/^median .* last ([\d.]+) ms/m),
    medianMs: number(/^median .* median ([\d.]+),/m),
    cpuS: number(/^median .* server cpu ([\d.]+) s/m),
    rssMb: number(/peak ([\d.]+) MB/),
    kB: number(/; ([\d.]+) kB and/),
    messages: number(/and ([\d.]+) msgs/),
    resources: number(/msgs, ([\d.]+) resources/),
  };
}

function report(size: Size, rounds: ReadonlyMap<string, readonly Round[]>): Figure[] {
  const where = `${size.clients} × ${size.services}`;
  const units = {
    lastMs: ['last ACK', 'ms'],
    medianMs: ['median', 'ms'],
    cpuS: ['CPU', 's'],
    rssMb: ['peak RSS', 'MB'],
    syncMs: ['first sync', 'ms'],
    messages: ['messages', '/stream'],
    resources: ['resources', '/stream'],
    kB: ['bytes', 'kB/stream'],
  } as const;
  const of = (name: string, key: keyof Round) => median((rounds.get(name) ?? []).map((round) => round[key]));
  const [first = '', second = ''] = rounds.keys();
  return (Object.keys(units) as (keyof Round)[]).map((key) => {
    const [what, unit] = units[key];
    const [own, other] = [of(first, key), of(second, key)];
    const note = `${second} ${other}; ratio ${(own / other).toFixed(2)}`;
    return { what: `${where}: ${what}`, value: own, unit, note };
  });
}

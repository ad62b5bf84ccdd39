import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Made } from './counted.ts';
import type { Options } from './options.ts';
import { clientCore, firstLine, pinned, SERVED_WITH, type Size, serverCore, sizesOf } from './push.ts';
import { type Figure, median, publish } from './report.ts';
import { scenarios } from './scenarios.ts';

const ROUNDS = 3;
const SIZES: readonly Size[] = [
  { services: 100, clients: 200 },
  { services: 100, clients: 1_000 },
  { services: 100, clients: 2_000 },
  { services: 1_000, clients: 200 },
  { services: 1_000, clients: 1_000 },
];

type Usage = Made & { readonly cpuS: number; readonly rssMb: number; readonly peakMb: number };
type Acked = { readonly firstMs: number; readonly lastMs: number; readonly sends: readonly string[] };
type Taken = {
  readonly messages: number;
  readonly bytes: number;
  /** By kind and name: how many streams were sent it. */
  readonly names: Readonly<Record<string, number>>;
};

/** Each scenario on each size; fails where a client is sent anything but what the edit changed. */
export async function benchScenarios(options: Options): Promise<void> {
  const { namespaces } = options;
  for (const size of sizesOf(options, SIZES)) {
    const where = `${size.services} services × ${size.clients} proxies`;
    const parameters = { rounds: ROUNDS, namespaces };
    await publish(`scenarios-${size.services}-${size.clients}`, {
      title: where,
      parameters,
      figures: await play(size, namespaces),
    });
  }
}

async function play(size: Size, namespaces: number): Promise<readonly Figure[]> {
  const bench = (name: string) => join(import.meta.dirname, name);
  const program = [...SERVED_WITH, bench('push-child.ts'), String(size.services)];
  const server = pinned(serverCore(), process.execPath, program);
  const { xdsPort, adminPort } = JSON.parse(await firstLine(server)) as {
    xdsPort: number;
    adminPort: number;
  };
  const args = [bench('load-child.ts'), String(xdsPort), String(size.clients), String(namespaces)];
  const load = pinned(clientCore(), process.execPath, args);
  try {
    const lines = createInterface({ input: load.stdout ?? process.stdin })[Symbol.asyncIterator]();
    const said = async <T>(): Promise<T> => JSON.parse((await lines.next()).value as string) as T;
    const tell = async <T>(word: string): Promise<T> => {
      load.stdin?.write(`${word}\n`);
      return said<T>();
    };
    const ask = async <T>(path: string): Promise<T> => {
      return (await (await fetch(`http://127.0.0.1:${adminPort}/${path}`)).json()) as T;
    };
    const { syncMs } = await said<{ syncMs: number }>();
    await tell('take');
    const first = await ask<Usage>('made');
    const figures: Figure[] = [
      { what: 'first synchronisation', value: syncMs, unit: 'ms', note: usage(first) },
    ];
    for (const { name } of scenarios) {
      const rounds: { acked: Acked; taken: Taken; made: Usage }[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const acked = await ask<Acked>(`${encodeURIComponent(name)}/${round}`);
        const taken = await tell<Taken>('take');
        expectExactly(`${name}, round ${round}`, acked.sends, taken.names, size.clients);
        rounds.push({ acked, taken, made: await ask<Usage>('made') });
      }
      figures.push(figureOf(name, rounds, size.clients));
    }
    const storm = await tell<{ syncMs: number }>('storm');
    const { bytes } = await tell<Taken>('take');
    const note = `${(bytes / size.clients / 1024).toFixed(0)} kB each; ${usage(await ask<Usage>('made'))}`;
    return [...figures, { what: 'connect storm', value: storm.syncMs, unit: 'ms', note }];
  } finally {
    for (const child of [load, server]) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  }
}

/** Every client is sent exactly these resources, each once. */
function expectExactly(
  where: string,
  sends: readonly string[],
  names: Readonly<Record<string, number>>,
  clients: number,
): void {
  const wrong = [...new Set([...sends, ...Object.keys(names)])].filter((name) => {
    return (names[name] ?? 0) !== (sends.includes(name) ? clients : 0);
  });
  if (wrong.length === 0) return;
  const [first = ''] = wrong;
  const said = `${first}: ${names[first] ?? 0} of ${sends.includes(first) ? clients : 0}`;
  throw new Error(`${where}: ${wrong.length} resources were not sent as they should be, such as ${said}`);
}

function figureOf(
  name: string,
  rounds: readonly { readonly acked: Acked; readonly taken: Taken; readonly made: Usage }[],
  clients: number,
): Figure {
  const of = (value: (round: (typeof rounds)[number]) => number) => median(rounds.map(value));
  const resources = of(({ taken }) => Object.keys(taken.names).length);
  const kB = of(({ taken }) => taken.bytes) / clients / 1024;
  const firstMs = of(({ acked }) => acked.firstMs);
  const { translations, encodings, rssMb } = rounds.at(-1)?.made ?? {
    translations: 0,
    encodings: 0,
    rssMb: 0,
  };
  const cpuS = of(({ made }) => made.cpuS);
  const sent = `${resources} resources, ${kB.toFixed(1)} kB each`;
  const cost = `CPU ${cpuS.toFixed(2)} s, ${rssMb.toFixed(0)} MB, ${translations} translations, ${encodings} encodings`;
  return {
    what: name,
    value: of(({ acked }) => acked.lastMs),
    unit: 'ms',
    note: `first ${firstMs.toFixed(0)}; ${sent}; ${cost}`,
  };
}

function usage({ cpuS, rssMb, peakMb, translations, encodings }: Usage): string {
  const made = `${translations} translations, ${encodings} encodings`;
  return `CPU ${cpuS.toFixed(2)} s, ${rssMb.toFixed(0)} MB (peak ${peakMb.toFixed(0)}), ${made}`;
}

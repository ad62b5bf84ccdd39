import { open, readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { Failure } from '../../base/failure.ts';
import { type Flags as ConfigFlags, formatConfig, type PartialConfig } from '../../config.ts';
import { checkMachine, checkRunning } from '../commands/check.ts';
import type { Context } from '../context.ts';
import { run } from '../native.ts';
import { listAt, textAt } from '../proxy/resource.ts';
import { readEvents } from '../served/events.ts';
import { readDocument, readItems, readText } from '../server-client.ts';
import { createRedact, type Redact, redactLog } from './redact.ts';

/** What is asked for. */
export type Wanted = {
  readonly server: string;
  readonly logFile: string | undefined;
  readonly config: ConfigFlags;
  readonly version: string;
};

/** Its files, none with a secret, and what could not be had. */
export type Collected = {
  readonly files: readonly { readonly name: string; readonly text: string }[];
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
};

/** Of a history, and of a mesh of thousands of scopes, what a reader can take in. */
const LAST_ENTRIES = 20;
const SCOPES = 200;
const LOG_BYTES = 1_048_576;
const LOG_LINES = 2_000;

/** A file of the report: text as it is, or a document. Nothing: there is none. */
type Part = (context: Context, wanted: Wanted) => Promise<string | object | null>;

/** The second of anything is one entry here. */
const parts: Readonly<Record<string, Part>> = {
  'versions.json': async ({ environment }, { version }) => {
    const git = await run('git', ['version'], { environment }).catch(() => null);
    const { platform, arch, version: node } = process;
    return { fairlead: version, node, platform, arch, system: release(), git: git?.out ?? null };
  },
  'config.yaml': async (context, { config }) => formatConfig(await context.readConfig(config)),
  'repositories.json': async (_, { server }) => readItems(server, 'api/v1/repositories'),
  'scopes.json': async (_, { server }) => readItems(server, 'api/v1/scopes'),
  'proxies.json': async (_, { server }) => readItems(server, 'api/v1/proxies'),
  'problems.json': async (_, { server }) =>
    (await readItems(server, 'api/v1/repositories')).flatMap((item) => listAt(item, 'problems')),
  'lineage.json': async (_, { server }) => lineages(server),
  'events.json': async (_, { server }) => (await readEvents(server)).items,
  'checks.json': async (context, { server, config }) => ({
    server: await checkRunning(server),
    machine: await checkMachine(context, config),
  }),
  'metrics.txt': async (_, { server }) => readText(server, 'metrics'),
  'log.txt': async (_, { logFile }) => (logFile === undefined ? null : lastLines(logFile)),
};

export async function collect(context: Context, wanted: Wanted): Promise<Collected> {
  const redact = createRedact(await secretsOf(context, wanted.config));
  const files: Collected['files'][number][] = [];
  const missing: Collected['missing'][number][] = [];
  for (const [name, part] of Object.entries(parts)) {
    try {
      const found = await part(context, wanted);
      if (found !== null) files.push({ name, text: textOf(name, found, redact) });
    } catch (error) {
      // Also where it is a bug: that is what the report is for.
      const code = error instanceof Failure ? error.code : 'bug';
      const message = error instanceof Error ? error.message : String(error);
      missing.push({ name, reason: redact.text(`${message} [${code}]`) });
    }
  }
  return { files, missing };
}

function textOf(name: string, found: string | object, redact: Redact): string {
  if (typeof found === 'object') return `${JSON.stringify(redact.document(found), null, 2)}\n`;
  return name === 'log.txt' ? redactLog(found, redact) : redact.text(found);
}

async function lineages(server: string): Promise<object> {
  const scopes = await readItems(server, 'api/v1/scopes');
  const shown = [];
  for (const scope of scopes.slice(0, SCOPES)) {
    const found = await readDocument(
      server,
      `api/v1/lineage?scope=${encodeURIComponent(textAt(scope, 'uid') ?? '')}`,
    );
    const entries = listAt(found, 'entries');
    shown.push({ scope: textAt(scope, 'path'), count: entries.length, last: entries.slice(-LAST_ENTRIES) });
  }
  return { scopes: scopes.length, shown };
}

/** Throws Failure log-unreadable. */
async function lastLines(path: string): Promise<string> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const start = Math.max(0, size - LOG_BYTES);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
      const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
      // The first one may be half of one, and half a secret is none that anybody knows.
      return lines.slice(Math.max(start > 0 ? 1 : 0, lines.length - LOG_LINES)).join('\n');
    } finally {
      await file.close();
    }
  } catch (cause) {
    const message = `${path} cannot be read: ${cause instanceof Error ? cause.message : cause}`;
    throw new Failure('log-unreadable', message, 'name another file, or leave --log-file out', { cause });
  }
}

/** Lines of the files that hold secrets by the configuration: what stands there stands nowhere in the report. */
async function secretsOf(context: Context, flags: ConfigFlags): Promise<readonly string[]> {
  const read = await context.readConfig(flags).catch(() => null);
  if (read === null) return [];
  const { repositories, ...server }: PartialConfig = read.config;
  const named = [server, ...repositories].flatMap((one) => Object.entries(one));
  const paths = named.flatMap(([name, value]) =>
    /(?:key|secret|token|password|credential)s?File$/i.test(name) && typeof value === 'string' ? [value] : [],
  );
  const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8').catch(() => '')));
  return texts.flatMap((text) => text.split('\n').map((line) => line.trim()));
}

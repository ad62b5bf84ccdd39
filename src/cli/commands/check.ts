import { setTimeout as delay } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { type Flags as ConfigFlags, type EffectiveConfig, nothingConfigured } from '../../config.ts';
import { type Finding, type Found, failed, ok } from '../checks/check.ts';
import { machineChecks } from '../checks/index.ts';
import { checkServer } from '../checks/server.ts';
import type { Context } from '../context.ts';
import { milliseconds } from '../duration-option.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { API_VERSION, type Format, outputOption, print, wrap } from '../output.ts';
import { serverOption } from '../server-client.ts';
import { serverOptions } from './serve.ts';

type Flags = ConfigFlags & {
  readonly output: Format;
  readonly server: string;
  readonly pre?: boolean;
  /** Milliseconds. */
  readonly wait?: number;
};

/** A finding, under its heading, and where to read about it. */
export type Result = Finding & {
  readonly section: string;
  readonly check: string;
  readonly about: string | null;
  readonly see: string;
};

const DOCS = 'docs/checks.md';

const LOOK_EVERY_MS = 500;

export function checkCommand(context: Context): Command {
  const command = new Command('check')
    .description('is a running server well; with --pre, is this machine ready for one; 1 warns, 2 fails')
    .option('--pre', 'before `fairlead serve`, with the same settings: nothing is changed')
    .addOption(
      new Option('--wait <duration>', 'look again for so long while something fails; then 4').argParser(
        milliseconds,
      ),
    )
    .addOption(outputOption())
    .addHelpText(
      'after',
      examples(
        'fairlead check --pre --config fairlead.yaml && fairlead serve --config fairlead.yaml',
        'fairlead check --wait 1m -o short --server http://127.0.0.1:15014',
      ),
    );
  return serverOptions(serverOption(command, context)).action(async (flags: Flags) =>
    context.finish(await check(context, flags)),
  );
}

async function check(context: Context, { output, server, pre, wait, ...flags }: Flags): Promise<number> {
  const look = () => (pre === true ? checkMachine(context, flags) : checkRunning(server));
  const results = await patiently(look, wait ?? 0);
  const worst = worstOf(results);
  const document = { apiVersion: API_VERSION, kind: 'CheckReport', ...{ worst, checks: results } };
  print(context, output, document, () => checkText(results, output === 'short' ? 'findings' : 'all'));
  return worst === 'fail' && wait !== undefined ? exit.timeout : CODES[worst];
}

const CODES = { ok: exit.ok, warn: exit.findings, fail: exit.error } as const;

/** Looks again as long as something fails. */
async function patiently(look: () => Promise<readonly Result[]>, waitMs: number): Promise<readonly Result[]> {
  const untilMs = performance.now() + waitMs;
  for (;;) {
    const results = await look();
    const leftMs = untilMs - performance.now();
    if (worstOf(results) !== 'fail' || leftMs <= 0) return results;
    await delay(Math.min(LOOK_EVERY_MS, leftMs));
  }
}

/** Readiness, freshness, holds and refusals of a running server. */
export async function checkRunning(server: string): Promise<readonly Result[]> {
  const findings = await checkServer(server).catch((error: unknown) => [
    { section: 'server', check: 'server', about: null, ...failed(error) },
  ]);
  return findings.map((finding) => ({ ...finding, see: `${DOCS}#${finding.check}` }));
}

/** The configuration first: where it cannot be read, only what does not depend on it is looked at. */
export async function checkMachine(context: Context, flags: ConfigFlags): Promise<readonly Result[]> {
  const read = await context.readConfig(flags).catch(failed);
  const invalid = 'state' in read;
  const results = [resultOf({ name: 'config', section: 'configuration' }, invalid ? read : given(read))];
  const config = invalid ? nothingConfigured : read.config;
  for (const one of machineChecks.filter(({ needsConfig }) => !(invalid && needsConfig))) {
    const found = await one.run(context, config).catch(failed);
    results.push(...[found ?? []].flat().map((each) => resultOf(one, each)));
  }
  return results;
}

function given({ origins, repositories }: EffectiveConfig): Finding {
  const count = [...origins, ...repositories.flat()].filter(
    ({ from }) => from !== 'default' && from !== 'needed',
  ).length;
  return ok(`${count} settings are given; fairlead serve --print-config shows them all`);
}

type Named = { readonly name: string; readonly section: string };

function resultOf({ name, section }: Named, finding: Found): Result {
  return { section, check: name, about: null, ...finding, see: `${DOCS}#${name}` };
}

function worstOf(results: readonly Result[]): Finding['state'] {
  const states = new Set(results.map(({ state }) => state));
  return (['fail', 'warn'] as const).find((state) => states.has(state)) ?? 'ok';
}

/** As linkerd marks them. */
const MARKS = { ok: '√', warn: '‼', fail: '×' } as const;

function checkText(results: readonly Result[], shown: 'all' | 'findings'): string {
  const wanted = results.filter(({ state }) => shown === 'all' || state !== 'ok');
  const sections = [...Map.groupBy(wanted, ({ section }) => section)].map(
    ([section, own]) => `${section}\n${'-'.repeat(section.length)}\n${own.map(line).join('')}`,
  );
  return [...sections, `The checks came to ${MARKS[worstOf(results)]}\n`].join('\n');
}

function line({ check: name, about, state, message, fix, see }: Result): string {
  const of = about === null || about === name ? '' : ` ${about}`;
  const head = wrap(`${MARKS[state]} ${name}${of}: ${message}`, '    ');
  return fix === null ? `${head}\n` : `${head}\n    fix: ${fix}\n    see: ${see}\n`;
}

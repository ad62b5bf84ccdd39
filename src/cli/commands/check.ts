import { Command } from 'commander';
import { type Flags as ConfigFlags, type EffectiveConfig, nothingConfigured } from '../../config.ts';
import { type Finding, type Found, failed, ok } from '../checks/check.ts';
import { machineChecks } from '../checks/index.ts';
import { checkServer } from '../checks/server.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { API_VERSION, type Format, outputOption, print, wrap } from '../output.ts';
import { serverOption } from '../server-client.ts';
import { serverOptions } from './serve.ts';

type Flags = ConfigFlags & { readonly output: Format; readonly server: string; readonly pre?: boolean };

type Result = Finding & { readonly check: string; readonly about: string | null; readonly see: string };

const DOCS = 'docs/checks.md';

export function checkCommand(context: Context): Command {
  const command = new Command('check')
    .description('is a running server well; with --pre, is this machine ready for one; 1 warns, 2 fails')
    .option('--pre', 'before `fairlead serve`, with the same settings: nothing is changed')
    .addOption(outputOption())
    .addHelpText(
      'after',
      examples(
        'fairlead check --pre --config fairlead.yaml && fairlead serve --config fairlead.yaml',
        'fairlead check --server http://127.0.0.1:15014',
      ),
    );
  return serverOptions(serverOption(command)).action(async (flags: Flags) =>
    context.finish(await check(context, flags)),
  );
}

async function check(context: Context, { output, server, pre, ...flags }: Flags): Promise<number> {
  const results = pre === true ? await checkMachine(context, flags) : await checkRunning(server);
  const worst = results.some(({ state }) => state === 'fail')
    ? exit.error
    : results.some(({ state }) => state === 'warn')
      ? exit.findings
      : exit.ok;
  print(context, output, { apiVersion: API_VERSION, kind: 'CheckReport', ...{ checks: results } }, () =>
    results.map(line).join(''),
  );
  return worst;
}

async function checkRunning(server: string): Promise<readonly Result[]> {
  const findings = await checkServer(server).catch((error: unknown) => [
    { check: 'server', about: null, ...failed(error) },
  ]);
  return findings.map((finding) => ({ ...finding, see: `${DOCS}#${finding.check}` }));
}

/** The configuration first: where it cannot be read, only what does not depend on it is looked at. */
async function checkMachine(context: Context, flags: ConfigFlags): Promise<readonly Result[]> {
  const read = await context.readConfig(flags).catch(failed);
  const invalid = 'state' in read;
  const results = [resultOf('config', invalid ? read : given(read))];
  const config = invalid ? nothingConfigured : read.config;
  for (const one of machineChecks.filter(({ needsConfig }) => !(invalid && needsConfig))) {
    const found = await one.run(context, config).catch(failed);
    results.push(...[found ?? []].flat().map((each) => resultOf(one.name, each)));
  }
  return results;
}

function given({ origins, repositories }: EffectiveConfig): Finding {
  const count = [...origins, ...repositories.flat()].filter(
    ({ from }) => from !== 'default' && from !== 'needed',
  ).length;
  return ok(`${count} settings are given; fairlead serve --print-config shows them all`);
}

function resultOf(name: string, finding: Found): Result {
  return { check: name, about: null, ...finding, see: `${DOCS}#${name}` };
}

function line({ check: name, about, state, message, fix, see }: Result): string {
  const head = wrap(
    `${state.padEnd(4)}  ${name.padEnd(10)}  ${about === null ? '' : `${about}: `}${message}`,
    '                  ',
  );
  return fix === null ? `${head}\n` : `${head}\n      fix: ${fix}\n      see: ${see}\n`;
}

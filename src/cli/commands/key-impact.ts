import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { Failure } from '../../base/failure.ts';
import type { LineState } from '../../governance/index.ts';
import { type CloneFlags, cloneOptions, judge, mainTip, openClone } from '../clone.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { type Impact, impactOf } from '../impact.ts';
import { sshKey } from '../keys.ts';
import { API_VERSION, type Format, outputOption, print, table, wrap } from '../output.ts';

type Flags = CloneFlags & { readonly output: Format; readonly tip?: string };

export function keyImpactCommand(context: Context): Command {
  const lines = ['fairlead key-impact SHA256:…', 'fairlead key-impact ~/.ssh/id_ed25519.pub'];
  const command = new Command('key-impact')
    .addHelpText('after', examples(...lines))
    .description('what cannot be decided any more if a key is lost, over all scopes; 1 if there is anything')
    .argument('<fingerprint>', 'of an SSH or OpenPGP key, or the .pub file of an SSH key')
    .option('--tip <ref>', 'branch, tag or commit (default: origin/main, main or HEAD)')
    .addOption(outputOption());
  return cloneOptions(command).action(async (key: string, flags: Flags) =>
    context.finish(await keyImpact(context, key, flags)),
  );
}

async function keyImpact(context: Context, given: string, flags: Flags): Promise<number> {
  const clone = await openClone(context, flags);
  const state = await judge(clone, await mainTip(clone, flags.tip));
  const fingerprint = await fingerprintOf(context, given);
  const impacts = impactOf(state, fingerprint);
  if (impacts.length === 0)
    throw new Failure('key-unknown', `no scope lists the key ${fingerprint}`, knownKeys(state));
  const facts = { tip: state.tip, fingerprint, impacts };
  print(context, flags.output, { apiVersion: API_VERSION, kind: 'KeyImpact', ...facts }, () =>
    impactText(fingerprint, impacts),
  );
  return impacts.some(({ outcome }) => outcome === 'lost') ? exit.findings : exit.ok;
}

async function fingerprintOf(context: Context, given: string): Promise<string> {
  const text = given.endsWith('.pub')
    ? await readFile(resolve(context.cwd, given), 'utf8').catch(() => '')
    : given;
  return sshKey(text)?.fingerprint ?? given;
}

function knownKeys({ scopes }: LineState): string {
  const anchors = [...scopes.values()].flatMap(({ policy }) => [
    ...policy.anchors,
    ...(policy.recovery?.anchors ?? []),
  ]);
  const keys = anchors.flatMap(({ name, keys }) => keys.map(({ fingerprint }) => `${fingerprint} (${name})`));
  const [first, ...rest] = [...new Set(keys)];
  return `name one of those in scope.yaml, such as ${first}${rest.length === 0 ? '' : `, or ${rest.length} more`}`;
}

function impactText(fingerprint: string, impacts: readonly Impact[]): string {
  const rows = impacts.map((impact) => [
    impact.scope,
    impact.anchor,
    impact.class,
    String(impact.needed),
    String(impact.left),
    impact.outcome === 'lost' ? 'LOST' : impact.alone ? 'kept; signs alone' : 'kept',
  ]);
  const lost = impacts.filter(({ outcome }) => outcome === 'lost');
  const scopes = [...new Set(lost.map(({ scope }) => scope))];
  const head = `without ${fingerprint}\n\n`;
  const sum =
    lost.length === 0
      ? 'every decision can still be made; rotate it: fairlead scope reconfigure <scope> --rotate <old>=<new>'
      : `falls below its threshold: ${scopes.join(', ')}; while the key is still there, add another one: fairlead scope reconfigure <scope> --add-key <anchor>=<key>`;
  return `${head}${table(['SCOPE', 'ANCHOR', 'CLASS', 'NEEDS', 'CAN SIGN', 'WITHOUT IT'], rows)}\n${wrap(sum, '')}\n`;
}

import { Argument, Command } from 'commander';
import type { LineageEntry } from '../../governance/index.ts';
import { cloneOptions, judge, mainTip, openClone } from '../clone.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { API_VERSION, type Format, outputOption, print, short, table } from '../output.ts';
import { findScope } from '../scopes.ts';

type Flags = {
  readonly output: Format;
  readonly tip?: string;
  readonly repository?: string;
  readonly pin?: string;
};

export function lineageCommand(context: Context): Command {
  const command = new Command('lineage')
    .addHelpText('after', examples('fairlead lineage acme.payments'))
    .description('who signed what: one line per commit at which a scope changed, was held or lifted')
    .addArgument(new Argument('<scope>', 'dotted path (acme.payments), its last segment, or uid'))
    .option('--tip <ref>', 'branch, tag or commit (default: origin/main, main or HEAD)')
    .addOption(outputOption());
  return cloneOptions(command).action(async (scope: string, flags: Flags) =>
    context.finish(await lineage(context, scope, flags)),
  );
}

async function lineage(context: Context, wanted: string, flags: Flags): Promise<number> {
  const clone = await openClone(context, flags);
  const state = await judge(clone, await mainTip(clone, flags.tip));
  const { path, uid, lineage: entries } = findScope(state, wanted);
  const document = { apiVersion: API_VERSION, kind: 'Lineage', scope: path, uid, entries };
  print(context, flags.output, document, () =>
    table(['SEQ', 'EVENT', 'CLASS', 'AT', 'SIGNED BY (COMMIT)'], entries.map(row)),
  );
  return exit.ok;
}

function row(entry: LineageEntry): readonly string[] {
  const { seq, event, commit } = entry;
  return [String(seq), event, entry.class ?? '-', short(commit), whoSigned(entry)];
}

function whoSigned({ event, votes, withdrawals }: LineageEntry): string {
  if (event === 'genesis') return '(the pin)';
  const signed = votes.map(({ anchor, commit }) => `${anchor} ${short(commit)}`);
  const withdrawn = withdrawals.map(({ anchor, commit }) => `${anchor} withdrew ${short(commit)}`);
  const all = [...new Set([...signed, ...withdrawn])];
  return all.length === 0 ? 'nobody' : all.join(', ');
}

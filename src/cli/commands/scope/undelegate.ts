import { Command } from 'commander';
import type { Context } from '../../context.ts';
import { examples } from '../../examples.ts';
import { recordsEdit } from '../../prepare/files.ts';
import { type PrepareFlags, parentOf, prepare, prepareOptions, start } from '../../prepare/prepare.ts';
import { findLiving } from '../../scopes.ts';

type Flags = PrepareFlags & { readonly undo?: boolean };

export function undelegateCommand(context: Context): Command {
  const command = new Command('undelegate')
    .addHelpText('after', examples('fairlead scope undelegate acme.payments'))
    .description(
      'prepares that a parent withdraws the name of a scope: nothing of it is served, its state stays',
    )
    .argument('<scope>', 'dotted path (acme.payments), its last segment, or uid')
    .option('--undo', 'gives the name back; the scope has to agree');
  return prepareOptions(command).action(async (scope: string, flags: Flags) =>
    context.finish(await undelegate(context, scope, flags)),
  );
}

async function undelegate(context: Context, wanted: string, flags: Flags): Promise<number> {
  const from = await start(context, flags);
  const scope = findLiving(from.state, wanted);
  const { uid, path } = scope;
  const status = flags.undo === true ? undefined : 'withdrawn';
  const edit = await recordsEdit(from, parentOf(from, scope), [{ do: 'change', uid, fields: { status } }]);
  const word = flags.undo === true ? 'Delegate again' : 'Undelegate';
  const slug = `${flags.undo === true ? 'delegate' : 'undelegate'}-${path}`;
  return prepare(context, flags, from, { title: `${word} ${path}`, slug, edits: [edit] });
}

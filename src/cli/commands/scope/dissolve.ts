import { Command } from 'commander';
import type { Context } from '../../context.ts';
import { examples } from '../../examples.ts';
import { filesBelow, moved, recordsEdit } from '../../prepare/files.ts';
import { type PrepareFlags, parentOf, prepare, prepareOptions, start } from '../../prepare/prepare.ts';
import { findLiving } from '../../scopes.ts';

export function dissolveCommand(context: Context): Command {
  const command = new Command('dissolve')
    .addHelpText('after', examples('fairlead scope dissolve acme.payments'))
    .description('prepares the end of a scope: its place becomes empty, and its uid is never used again')
    .argument('<scope>', 'dotted path (acme.payments), its last segment, or uid');
  return prepareOptions(command).action(async (scope: string, flags: PrepareFlags) =>
    context.finish(await dissolve(context, scope, flags)),
  );
}

async function dissolve(context: Context, wanted: string, flags: PrepareFlags): Promise<number> {
  const from = await start(context, flags);
  const scope = findLiving(from.state, wanted);
  const files = await filesBelow(from, scope.directory);
  const { uid, path } = scope;
  const parent = parentOf(from, scope);
  const records = await recordsEdit(from, parent, [{ do: 'change', uid, fields: { tombstone: 'none' } }]);
  const edits = [...moved(from.clone, files, scope.directory, null), records];
  return prepare(context, flags, from, { title: `Dissolve ${path}`, slug: `dissolve-${path}`, edits });
}

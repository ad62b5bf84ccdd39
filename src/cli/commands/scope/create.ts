import { Command } from 'commander';
import { Failure } from '../../../base/failure.ts';
import type { Context } from '../../context.ts';
import { examples } from '../../examples.ts';
import { type BirthFlags, birth, birthOptions } from '../../prepare/birth.ts';
import { recordsEdit } from '../../prepare/files.ts';
import { prepare, prepareOptions, start } from '../../prepare/prepare.ts';
import { findScope } from '../../scopes.ts';

export function createCommand(context: Context): Command {
  const lines = [
    'fairlead scope create acme.payments --anchor dana=dana.pub --anchor eli=eli.pub --namespace payments',
  ];
  const command = new Command('create')
    .addHelpText('after', examples(...lines))
    .description('prepares a new scope below another one: its parent grants, its own keys all sign')
    .argument('<new-scope>', 'dotted path of the new scope (acme.payments)');
  return prepareOptions(birthOptions(command)).action(async (path: string, flags: BirthFlags) =>
    context.finish(await create(context, path, flags)),
  );
}

async function create(context: Context, path: string, flags: BirthFlags): Promise<number> {
  const from = await start(context, flags);
  const cut = path.lastIndexOf('.');
  if (cut < 0)
    throw new Failure('parent-missing', `${path} has no parent`, 'write it below one, such as acme.payments');
  const parent = findScope(from.state, path.slice(0, cut));
  const { edits, record } = await birth(context, from, parent, path.slice(cut + 1), flags);
  const records = await recordsEdit(from, parent, [{ do: 'add', record }]);
  const title = `Create ${parent.path}.${record.name}`;
  return prepare(context, flags, from, {
    title,
    slug: `create-${parent.path}.${record.name}`,
    edits: [records, ...edits],
  });
}

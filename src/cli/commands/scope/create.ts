import { Command } from 'commander';
import { Failure } from '../../../base/failure.ts';
import type { ScopeState } from '../../../governance/index.ts';
import type { Context } from '../../context.ts';
import { examples } from '../../examples.ts';
import {
  type Birth,
  type BirthFlags,
  birth,
  birthOptions,
  checkedName,
  recordOf,
} from '../../prepare/birth.ts';
import { type ElsewhereFlags, elsewhere, elsewhereOptions } from '../../prepare/elsewhere.ts';
import { recordsEdit } from '../../prepare/files.ts';
import { prepare, prepareOptions, type Start, start } from '../../prepare/prepare.ts';
import { findLiving } from '../../scopes.ts';

type Flags = BirthFlags & ElsewhereFlags;

export function createCommand(context: Context): Command {
  const lines = [
    'fairlead scope create acme.payments --anchor dana=dana.pub --anchor eli=eli.pub --namespace payments',
    'fairlead scope create acme.web --from-pin web-pin.json --url https://git.example/web.git --namespace web',
  ];
  const command = new Command('create')
    .addHelpText('after', examples(...lines))
    .description('prepares a new scope below another one: its parent grants, its own keys all sign')
    .argument('<new-scope>', 'dotted path of the new scope (acme.payments)');
  return prepareOptions(elsewhereOptions(birthOptions(command))).action(async (path: string, flags: Flags) =>
    context.finish(await create(context, path, flags)),
  );
}

async function create(context: Context, path: string, flags: Flags): Promise<number> {
  const from = await start(context, flags);
  const cut = path.lastIndexOf('.');
  if (cut < 0)
    throw new Failure('parent-missing', `${path} has no parent`, 'write it below one, such as acme.payments');
  const parent = findLiving(from.state, path.slice(0, cut));
  const { edits, record } = await newScope(context, from, parent, path.slice(cut + 1), flags);
  const records = await recordsEdit(from, parent, [{ do: 'add', record }]);
  const title = `Create ${parent.path}.${record.name}`;
  return prepare(context, flags, from, {
    title,
    slug: `create-${parent.path}.${record.name}`,
    edits: [records, ...edits],
  });
}

/** With a repository of its own only its parent has to agree here: it is governed there. */
async function newScope(
  context: Context,
  from: Start,
  parent: ScopeState,
  name: string,
  flags: Flags,
): Promise<Pick<Birth, 'record' | 'edits'>> {
  const place = await elsewhere(context, flags);
  if (place === null) return birth(context, from, parent, name, flags);
  return {
    record: recordOf(checkedName(name), place.pin.uid, { repository: place.repository }, flags),
    edits: [],
  };
}

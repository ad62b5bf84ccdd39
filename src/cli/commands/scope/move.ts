import { Command } from 'commander';
import { Failure } from '../../../base/failure.ts';
import { fileAt } from '../../../git/index.ts';
import type { ScopeState } from '../../../governance/index.ts';
import type { Context } from '../../context.ts';
import { examples } from '../../examples.ts';
import type { Edit } from '../../prepare/edit.ts';
import { type ElsewhereFlags, elsewhere, elsewhereOptions } from '../../prepare/elsewhere.ts';
import { filesBelow, meshPath, moved, recordsEdit } from '../../prepare/files.ts';
import {
  type PrepareFlags,
  parentOf,
  prepare,
  prepareOptions,
  type Start,
  start,
} from '../../prepare/prepare.ts';
import { type RecordEdit, recordIn } from '../../records-file.ts';
import { Refusal } from '../../refusal.ts';
import { findLiving } from '../../scopes.ts';

type Flags = PrepareFlags & ElsewhereFlags & { readonly path?: string };

export function moveCommand(context: Context): Command {
  const lines = [
    'fairlead scope move acme.payments acme.money',
    'fairlead scope move acme.eu.payments acme.payments --path payments',
    'fairlead scope move acme.payments --from-pin pin.json --url https://git.example/payments.git',
  ];
  const command = new Command('move')
    .addHelpText('after', examples(...lines))
    .description('prepares another name or another parent for a scope, with all that stands below it')
    .argument('<scope>', 'dotted path (acme.payments), its last segment, or uid')
    .argument('[new-scope]', 'dotted path that it will have (with --from-pin: it keeps its own)')
    .option('--path <directory>', "in its parent's directory (default: its name)");
  return prepareOptions(elsewhereOptions(command)).action(
    async (scope: string, path: string | undefined, flags: Flags) =>
      context.finish(await move(context, scope, path, flags)),
  );
}

async function move(
  context: Context,
  wanted: string,
  target: string | undefined,
  flags: Flags,
): Promise<number> {
  const from = await start(context, flags);
  const scope = findLiving(from.state, wanted);
  const place = await elsewhere(context, flags);
  if (place !== null) return emigrate(context, from, scope, place, flags);
  if (target === undefined)
    throw new Failure(
      'target-missing',
      `where is ${scope.path} to move?`,
      'name it, or --from-pin and --url',
    );
  const cut = target.lastIndexOf('.');
  const old = from.state.scopes.get(scope.parent ?? '');
  if (old === undefined || cut < 0)
    throw new Failure(
      'parent-missing',
      `${old === undefined ? scope.path : target} has no parent`,
      'a root stays',
    );
  const parent = findLiving(from.state, target.slice(0, cut));
  const name = target.slice(cut + 1);
  const { path = name } = flags;
  const to = [parent.directory, path].filter((part) => part !== '').join('/');
  const files = await filesBelow(from, scope.directory);
  const moves =
    to === scope.directory ? [] : moved(from.clone, files, scope.directory, (each) => `${to}/${each}`);
  const records = await recordEdits(from, scope, { old, parent, name, path });
  return prepare(context, flags, from, {
    title: `Move ${scope.path} to ${parent.path}.${name}`,
    slug: `move-${scope.path}-to-${parent.path}.${name}`,
    edits: [...moves, ...records],
  });
}

/** To a repository of its own: it ends here as it was accepted, and goes on there from the next seq. */
async function emigrate(
  context: Context,
  from: Start,
  scope: ScopeState,
  { pin, repository }: NonNullable<Awaited<ReturnType<typeof elsewhere>>>,
  flags: Flags,
): Promise<number> {
  const { uid, path, directory, seq } = scope;
  if (pin.uid !== uid || pin.seq !== seq + 1)
    throw new Refusal(
      'Structural',
      `the pin is of uid ${pin.uid} and seq ${pin.seq}; ${path} goes on as ${uid} and seq ${seq + 1} (fairlead trust --seq ${seq + 1} --uid ${uid})`,
    );
  const parent = parentOf(from, scope);
  const files = moved(from.clone, await filesBelow(from, directory), directory, null);
  const fields = { path: undefined, repository };
  const records = await recordsEdit(from, parent, [{ do: 'change', uid, fields }]);
  const title = `Move ${path} to a repository of its own`;
  return prepare(context, flags, from, { title, slug: `emigrate-${path}`, edits: [...files, records] });
}

type Place = {
  readonly old: ScopeState;
  readonly parent: ScopeState;
  readonly name: string;
  readonly path: string;
};

/** The record goes along, and a forward stays at the old name. */
async function recordEdits(
  from: Start,
  { uid, ...scope }: ScopeState,
  { old, parent, name, path }: Place,
): Promise<readonly Edit[]> {
  const forward: RecordEdit[] =
    scope.path === `${parent.path}.${name}`
      ? []
      : [{ do: 'add', record: { name: scope.name, uid, forward: `${parent.path}.${name}` } }];
  if (old.uid === parent.uid)
    return [await recordsEdit(from, old, [{ do: 'change', uid, fields: { name, path } }, ...forward])];
  const { clone, state } = from;
  const { tree } = await clone.backend.commit(state.tip);
  const bytes = await fileAt(clone.backend, tree, meshPath(clone, old.directory, 'delegations.yaml'));
  const record = { ...recordIn(Buffer.from(bytes ?? []).toString(), uid), name, uid, path };
  return [
    await recordsEdit(from, old, [{ do: 'remove', uid }, ...forward]),
    await recordsEdit(from, parent, [{ do: 'add', record }]),
  ];
}

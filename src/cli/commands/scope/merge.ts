import { Command } from 'commander';
import { Failure } from '../../../base/failure.ts';
import type { Context } from '../../context.ts';
import { examples } from '../../examples.ts';
import type { Edit } from '../../prepare/edit.ts';
import { filesBelow, moved, recordsEdit } from '../../prepare/files.ts';
import { type PrepareFlags, prepare, prepareOptions, start } from '../../prepare/prepare.ts';
import type { RecordEdit } from '../../records-file.ts';
import { findLiving } from '../../scopes.ts';

type Flags = PrepareFlags & { readonly into: string };

export function mergeCommand(context: Context): Command {
  const lines = [
    'fairlead scope merge acme.payments --into acme',
    'fairlead scope merge acme.pay acme.cards --into acme.payments',
  ];
  const command = new Command('merge')
    .addHelpText('after', examples(...lines))
    .description('prepares the end of scopes whose manifests go to their parent, or to one beside them')
    .argument('<scope...>', 'those that end: dotted paths, last segments, or uids')
    .requiredOption('--into <scope>', 'which has their manifests from then on');
  return prepareOptions(command).action(async (scopes: readonly string[], flags: Flags) =>
    context.finish(await merge(context, scopes, flags)),
  );
}

async function merge(context: Context, names: readonly string[], flags: Flags): Promise<number> {
  const from = await start(context, flags);
  const into = findLiving(from.state, flags.into);
  const ending = names.map((name) => findLiving(from.state, name));
  const parent = from.state.scopes.get(ending[0]?.parent ?? '');
  if (parent === undefined || ending.some((scope) => scope.parent !== parent.uid || scope.uid === into.uid))
    throw new Failure(
      'not-siblings',
      `they do not all stand below one scope, or one of them is ${into.path}`,
      'merge children of one scope into it, or into one beside them',
    );
  const edits: Edit[] = [];
  for (const scope of ending) {
    const files = await filesBelow(from, scope.directory);
    const isManifest = ({ path }: { readonly path: string }) =>
      !/^(scope\.yaml$|delegations\.yaml$|anchors\/|identity\/)/.test(path);
    const to = (path: string) =>
      [into.directory, `from-${scope.name}`, path].filter((part) => part !== '').join('/');
    edits.push(...moved(from.clone, files.filter(isManifest), scope.directory, to));
    edits.push(
      ...moved(
        from.clone,
        files.filter((file) => !isManifest(file)),
        scope.directory,
        null,
      ),
    );
  }
  const tombstones = ending.map(
    ({ uid }): RecordEdit => ({ do: 'change', uid, fields: { tombstone: into.uid } }),
  );
  const records = await recordsEdit(from, parent, tombstones);
  const paths = ending.map(({ path }) => path).join(', ');
  return prepare(context, flags, from, {
    title: `Merge ${paths} into ${into.path}`,
    slug: `merge-${ending.map(({ name }) => name).join('-')}-into-${into.path}`,
    edits: [...edits, records],
  });
}

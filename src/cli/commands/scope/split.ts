import { Command } from 'commander';
import { Failure } from '../../../base/failure.ts';
import type { Context } from '../../context.ts';
import { examples } from '../../examples.ts';
import { type BirthFlags, birth, birthOptions } from '../../prepare/birth.ts';
import { moved, ownFiles, recordsEdit, type Standing } from '../../prepare/files.ts';
import { prepare, prepareOptions, start } from '../../prepare/prepare.ts';
import { findLiving } from '../../scopes.ts';

type Flags = BirthFlags & { readonly file: readonly string[] };

export function splitCommand(context: Context): Command {
  const lines = [
    'fairlead scope split acme payments --file pay.yaml --file routes/pay --anchor dana=dana.pub --namespace payments',
  ];
  const command = new Command('split')
    .addHelpText('after', examples(...lines))
    .description('prepares a new scope of files that another one has: they move byte for byte')
    .argument('<scope>', 'whose files they are')
    .argument('<name>', 'of the new scope, which stands below it')
    .requiredOption('--file <path...>', 'a file or a folder, relative to the scope');
  return prepareOptions(birthOptions(command)).action(async (scope: string, name: string, flags: Flags) =>
    context.finish(await split(context, scope, name, flags)),
  );
}

async function split(context: Context, wanted: string, name: string, flags: Flags): Promise<number> {
  const from = await start(context, flags);
  const scope = findLiving(from.state, wanted);
  const { edits, record, directory } = await birth(context, from, scope, name, flags);
  const files = chosen(await ownFiles(from, scope), flags.file);
  const records = await recordsEdit(from, scope, [{ do: 'add', record }]);
  const moves = moved(from.clone, files, scope.directory, (path) => `${directory}/${path}`);
  const title = `Split ${scope.path}.${name} from ${scope.path}`;
  return prepare(context, flags, from, {
    title,
    slug: `split-${scope.path}.${name}`,
    edits: [...moves, records, ...edits],
  });
}

/** Manifests only: who decides over a scope stays with it. */
function chosen(files: readonly Standing[], wanted: readonly string[]): readonly Standing[] {
  return wanted.flatMap((given) => {
    const path = given.replace(/\/+$/, '');
    const found = files.filter((file) => file.path === path || file.path.startsWith(`${path}/`));
    const isManifest = !/^(scope\.yaml|delegations\.yaml|anchors|identity)(\/|$)/.test(path);
    if (found.length > 0 && isManifest) return found;
    const fix = 'name a manifest or a folder of them, relative to the directory of the scope';
    throw new Failure('file-unknown', `${given} is no manifest of the scope`, fix);
  });
}

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { Failure } from '../../base/failure.ts';
import type { Pin } from '../../governance/index.ts';
import type { Context } from '../context.ts';
import { readPin } from '../pin-file.ts';

export type ElsewhereFlags = {
  readonly fromPin?: string;
  readonly url?: readonly string[];
  readonly urlBranch: string;
};

/** How a command is told of a scope with a repository of its own: its pin is made there, by `fairlead trust`. */
export function elsewhereOptions(command: Command): Command {
  return command
    .option('--from-pin <file>', 'the scope has a repository of its own, and this is its pin')
    .option('--url <url...>', 'with --from-pin: where that repository is')
    .option('--url-branch <name>', 'with --from-pin: its main line', 'main');
}

/** The pin, and what a record says of it; null where the scope stands in this repository. */
export async function elsewhere(
  context: Context,
  { fromPin, url = [], urlBranch }: ElsewhereFlags,
): Promise<{ readonly pin: Pin; readonly repository: object } | null> {
  if (fromPin === undefined) return null;
  if (url.length === 0)
    throw new Failure('url-missing', 'where is that repository?', 'name it with --url, once for each mirror');
  const pin = await readPin(resolve(context.cwd, fromPin));
  const { commit, path, uid, seq, digests } = pin;
  const where = { urls: url, branch: urlBranch, path, genesis: `sha1:${commit}`, digest: digests[uid] };
  return { pin, repository: seq === 1 ? where : { ...where, seq } };
}

import type { Command } from 'commander';
import { Failure } from '../base/failure.ts';
import type { ObjectId } from '../git/index.ts';
import { type Clone, resolveRef } from './clone.ts';
import { readItems } from './server-client.ts';

export type FollowedFlags = { readonly followed?: string; readonly server?: string };

/** How a command is told which tip was followed last. */
export function followedOptions(command: Command): Command {
  return command
    .option('--followed <ref>', 'the tip that was followed last (`fairlead status` shows it)')
    .option('--server <url>', 'a server to ask for that tip');
}

/** What a server follows, as `--followed` or `--server` says, else the tip that the pin trusts; null: nobody knows. */
export async function followedTip(
  clone: Clone,
  { followed, server }: FollowedFlags,
): Promise<ObjectId | null> {
  if (followed !== undefined) return resolveRef(clone, followed);
  if (server === undefined) return clone.pin.tip ?? null;
  const repositories = (await readItems(server, 'api/v1/repositories')) as readonly {
    readonly followedTip: string | null;
  }[];
  for (const { followedTip } of repositories) {
    const known = followedTip === null ? null : await clone.backend.commit(followedTip).catch(() => null);
    if (known !== null && followedTip !== null) return followedTip;
  }
  throw new Failure(
    'followed-unknown',
    `no tip that ${server} follows is in this clone`,
    'fetch it from whoever still has it: git fetch <clone> <commit>',
  );
}

import type { ObjectId, Objects } from '../git/index.ts';
import { isPolicyFile } from './classify.ts';
import type { ScopeTrees } from './own.ts';
import type { ScopeFile, ScopeState, VerifiedScope } from './types.ts';

/** Reads the accepted bytes of a scope. The only place in the product where a `VerifiedScope` comes into being. */
export async function verifyScope(
  objects: Objects,
  owns: ScopeTrees,
  scope: ScopeState,
): Promise<VerifiedScope> {
  const { commit, digest, directory } = scope.accepted;
  const own = await owns.own((await objects.commit(commit)).tree, directory);
  if (!own.ok || own.digest !== digest) throw new Error('the accepted tree cannot be read again');
  const files: ScopeFile[] = [];
  for (const { path, blob } of own.files) {
    if (!isPolicyFile(path) && path !== 'delegations.yaml') files.push(await readFile(objects, path, blob));
  }
  const { owns: owned, trustDomain } = scope.policy;
  const { uid, path, seq } = scope;
  const signers = lastVotes(scope).map(({ anchor }) => anchor);
  const facts = {
    uid,
    path,
    directory,
    seq,
    epoch: scope.epoch.commit,
    digest,
    commit,
    owns: owned,
    trustDomain,
    signers,
    files,
  };
  return brand(facts);
}

/** The one cast: everything that calls it stands in this file. */
function brand(facts: Omit<VerifiedScope, 'verified'>): VerifiedScope {
  return facts as VerifiedScope;
}

/** Bytes that were accepted earlier, with the authority that the scope has now: old bytes never keep what was lost. */
export function withAuthorityOf(earlier: VerifiedScope, now: VerifiedScope): VerifiedScope {
  return brand({ ...earlier, owns: now.owns });
}

/**
 * A scope as it would be if `digest` with these files were accepted: what `plan` shows before a merge, and nothing
 * else. `test/style` holds that no other command or edge asks for one.
 */
export function asIfAccepted(
  scope: VerifiedScope,
  digest: string,
  files: readonly ScopeFile[],
): VerifiedScope {
  return brand({ ...scope, digest, files });
}

async function readFile(objects: Objects, path: string, blob: ObjectId): Promise<ScopeFile> {
  return { path, bytes: await objects.blob(blob) };
}

function lastVotes(scope: ScopeState) {
  return scope.lineage.findLast(({ event }) => event === 'accepted')?.votes ?? [];
}

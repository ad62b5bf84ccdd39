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
  return facts as typeof facts & VerifiedScope;
}

async function readFile(objects: Objects, path: string, blob: ObjectId): Promise<ScopeFile> {
  return { path, bytes: await objects.blob(blob) };
}

function lastVotes(scope: ScopeState) {
  return scope.lineage.findLast(({ event }) => event === 'accepted')?.votes ?? [];
}

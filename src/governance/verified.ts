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
  const { commit, digest, directory, tree } = scope.accepted;
  const own = await owns.read(tree);
  if (!own.ok || own.digest !== digest) throw new Error('the accepted tree cannot be read again');
  const files: ScopeFile[] = [];
  for (const { path, blob } of own.files) {
    if (!isPolicyFile(path) && path !== 'delegations.yaml') files.push(await readFile(objects, path, blob));
  }
  const { owns: owned, trustDomain } = scope.policy;
  const { uid, path, seq } = scope;
  const signers = [...new Set(lastVotes(scope).map(({ anchor }) => anchor))];
  const facts = {
    uid,
    path,
    directory,
    seq,
    epoch: scope.epoch.commit,
    digest,
    commit,
    owns: owned,
    granted: await grantedOn(owns, tree),
    trustDomain,
    signers,
    files,
  };
  return brand(facts);
}

async function grantedOn(owns: ScopeTrees, tree: ObjectId): Promise<VerifiedScope['granted']> {
  const grants = (await owns.delegations(tree)).filter(({ live }) => live).map(({ grants }) => grants);
  const [namespaces, hosts] = [
    grants.flatMap((each) => each.namespaces),
    grants.flatMap((each) => each.hosts),
  ];
  return { namespaces, hosts };
}

/** The one cast: everything that calls it stands in this file. */
function brand(facts: Omit<VerifiedScope, 'verified'>): VerifiedScope {
  return facts as VerifiedScope;
}

/** Bytes that were accepted earlier, with the authority that the scope has now: old bytes never keep what was lost. */
export function withAuthorityOf(earlier: VerifiedScope, now: VerifiedScope): VerifiedScope {
  return brand({ ...earlier, owns: now.owns, granted: now.granted });
}

/**
 * A scope as it would be if `digest` with these files and this authority were accepted: what `plan` shows before a merge, and nothing
 * else. `test/style` holds that no other command or edge asks for one.
 */
export function asIfAccepted(
  scope: VerifiedScope,
  digest: string,
  files: readonly ScopeFile[],
  owns: VerifiedScope['owns'],
): VerifiedScope {
  return brand({ ...scope, digest, files, owns });
}

async function readFile(objects: Objects, path: string, blob: ObjectId): Promise<ScopeFile> {
  return { path, bytes: await objects.blob(blob) };
}

function lastVotes(scope: ScopeState) {
  return scope.lineage.findLast(({ event }) => event === 'accepted')?.votes ?? [];
}

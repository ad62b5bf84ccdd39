import type { ObjectId, Objects } from '../git/index.ts';
import {
  type Delegation,
  isPolicyFile,
  type Policy,
  readable,
  recordsByUid,
  type ScopeTrees,
  within,
} from '../policy/index.ts';
import type { ScopeFile, ScopeState, VerifiedScope } from './types.ts';

/** What a scope owns: the same object for as long as nothing above it changes. */
export type Authority = Policy['owns'];

const EVERYTHING: Authority = { namespaces: ['*'], hosts: ['*'] };

/**
 * What a scope owns of what the records above leave it: the grants of its own, within what its parent owns. Null where nothing
 * of it is served: it is a tombstone, withdrawn, or stands below such a one (G7). `records`: its parent's; `above`: what the
 * parent owns, or null. Two mutations of one commit know nothing of each other: whatever they left, no two scopes own a name.
 */
export function authorityOf(
  { uid, parent, status, policy }: ScopeState,
  records: readonly Delegation[],
  above: Authority | null,
): Authority | null {
  if (status !== 'Live') return null;
  if (parent === null) return within(policy.owns, EVERYTHING);
  const record = above === null ? undefined : recordsByUid(records).get(uid);
  return above !== null && record?.live === true ? within(policy.owns, within(record.grants, above)) : null;
}

/** Reads the accepted bytes of a scope. The only place in the product where a `VerifiedScope` comes into being. */
export async function verifyScope(
  objects: Objects,
  owns: ScopeTrees,
  scope: ScopeState,
  authority: Authority,
): Promise<VerifiedScope> {
  const { commit, digest, tree } = scope.accepted;
  const own = readable(await owns.read(tree));
  const files: ScopeFile[] = [];
  for (const { path, blob } of own.files) {
    if (!isPolicyFile(path) && path !== 'delegations.yaml') {
      files.push({ path, bytes: await objects.blob(blob) });
    }
  }
  const { uid, parent, path, directory, seq } = scope;
  const signers = [...new Set(lastVotes(scope).map(({ anchor }) => anchor))];
  return brand({
    ...{ uid, parent, path, directory, seq, digest, commit },
    epoch: scope.epoch.commit,
    owns: authority,
    granted: await grantedOn(owns, tree),
    trustDomain: scope.policy.trustDomain,
    signers,
    files,
  });
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

/** Files that nobody accepted, for `analyze` and `translate` on a folder; `test/style` holds that nobody else asks for them. */
export function asIfVerified(facts: Omit<VerifiedScope, 'verified'>): VerifiedScope {
  return brand(facts);
}

/** Bytes that were accepted earlier, with the place and the authority that the scope has now: old bytes never keep what was lost. */
export function withAuthorityOf(earlier: VerifiedScope, now: VerifiedScope): VerifiedScope {
  const { parent, path, directory, trustDomain, owns, granted } = now;
  return brand({ ...earlier, parent, path, directory, trustDomain, owns, granted });
}

function lastVotes(scope: ScopeState) {
  return scope.lineage.findLast(({ event }) => event === 'accepted')?.votes ?? [];
}

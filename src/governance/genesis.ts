import { must } from '../base/must.ts';
import type { ObjectId, Objects, TreeDigests } from '../git/index.ts';
import {
  badOwnership,
  createScopeTrees,
  type Delegation,
  joinPath,
  type Policy,
  type Ruleset,
  recordsByUid,
  ruleset1,
  type ScopeTrees,
} from '../policy/index.ts';
import type { LineageEntry, LineState, Pin, ScopeState } from './types.ts';

export type Refusal = { readonly ok: false; readonly rule: string; readonly reason: string };
export type Pinned = { readonly ok: true; readonly pin: Pin; readonly state: LineState } | Refusal;

type Place = {
  readonly record: Delegation | null;
  readonly parent: ScopeState | null;
  readonly depth: number;
};
type Genesis = {
  readonly owns: ScopeTrees;
  readonly commit: ObjectId;
  readonly tree: ObjectId;
  readonly rootUid: string | null;
  readonly scopes: Map<string, ScopeState>;
};

/**
 * What a pin of `commit` would hold, for `fairlead trust`: the root scope at `path` and, recursively, every live
 * `path` record. The pin is the approval: possession of keys is not required, `unproven` names who has not shown it.
 * `rootUid`: of a root that began elsewhere, as the record of its old parent has it; else its first bytes make it.
 */
export async function makePin(
  objects: Objects,
  digests: TreeDigests,
  commit: ObjectId,
  path: string,
  ruleset: Ruleset = ruleset1,
  rootUid: string | null = null,
): Promise<Pinned> {
  const { tree } = await objects.commit(commit);
  const owns = createScopeTrees(objects, digests, path, ruleset);
  const genesis = { owns, commit, tree, rootUid, scopes: new Map<string, ScopeState>() };
  const refusal = await addScope(genesis, '', { record: null, parent: null, depth: 0 });
  if (refusal !== null) return refusal;
  const twice = await recordedTwice(genesis);
  if (twice !== null) return refused('G19', `${twice.name}: uid ${twice.uid} is named by two records`);
  const [root = null] = genesis.scopes.keys();
  const pairs = [...genesis.scopes].map(([uid, { accepted }]) => [uid, accepted.digest]);
  const pin: Pin = { commit, path, uid: must(root), seq: 1, digests: Object.fromEntries(pairs) };
  return { ok: true, pin, state: { pin, tip: commit, index: 0, scopes: genesis.scopes } };
}

/** s(0) of a pin: refused where the genesis does not hold what was pinned. */
export async function genesisState(
  objects: Objects,
  digests: TreeDigests,
  pin: Pin,
  ruleset: Ruleset,
): Promise<LineState | Refusal> {
  // Only what goes on counting began elsewhere: a scope that begins here is named by the bytes that it begins with.
  const rootUid = pin.seq > 1 ? pin.uid : null;
  const made = await makePin(objects, digests, pin.commit, pin.path, ruleset, rootUid);
  if (!made.ok) return made;
  const differs =
    made.pin.uid !== pin.uid ||
    Object.keys(made.pin.digests).length !== Object.keys(pin.digests).length ||
    Object.entries(made.pin.digests).some(([uid, digest]) => pin.digests[uid] !== digest);
  if (differs)
    return refused('Line', 'the genesis does not hold what was pinned: run `fairlead trust` and compare');
  return { ...made.state, pin, scopes: atSeq(made.state.scopes, pin) };
}

/** A root that had a line elsewhere goes on counting from there. */
function atSeq(scopes: LineState['scopes'], { uid, seq }: Pin): LineState['scopes'] {
  const root = must(scopes.get(uid));
  const lineage = root.lineage.map((entry) => ({ ...entry, seq }));
  return new Map(scopes).set(uid, { ...root, seq, lineage });
}

function refused(rule: string, reason: string): Refusal {
  return { ok: false, rule, reason };
}

async function addScope(genesis: Genesis, directory: string, place: Place): Promise<Refusal | null> {
  const where = directory === '' ? 'the root scope' : directory;
  if (place.depth > genesis.owns.ruleset.delegationDepth)
    return refused('G17', `${where} is delegated too deeply`);
  const own = await genesis.owns.own(genesis.tree, directory);
  if (!own.ok) return refused(own.rule, `${where}: ${own.reason}`);
  const read = await genesis.owns.policy(own);
  if (!read.ok) return refused(read.rule, `${where}: ${read.reason}`);
  const uid = place.record?.uid ?? genesis.rootUid ?? read.firstUid;
  if (genesis.scopes.has(uid)) return refused('G19', `${where}: uid ${uid} is introduced twice`);
  const records = await genesis.owns.delegations(own.tree);
  const reason = badOwnership(read.policy.owns, place.record, records);
  if (reason !== null) return refused('Scope', `${where}: ${reason}`);
  const at = { commit: genesis.commit, index: 0 };
  const { parent } = place;
  // The record's name is the name: a scope that was renamed since still calls itself what it first did (formats.md).
  const name = place.record?.name ?? read.name;
  const path = parent === null ? name : `${parent.path}.${name}`;
  const named = { uid, name, path, directory, parent: parent?.uid ?? null };
  const scope = pinned(firstState(at, named, own, read.policy));
  genesis.scopes.set(uid, scope);
  const children = records.flatMap((record) =>
    record.live && record.path !== null ? [{ record, directory: joinPath(directory, record.path) }] : [],
  );
  for (const [at, { record, directory }] of children.entries()) {
    if (at % AHEAD === 0)
      await Promise.all(children.slice(at, at + AHEAD).map((each) => readAhead(genesis, each)));
    const next = { record, parent: scope, depth: place.depth + 1 };
    const refusal = await addScope(genesis, directory, next);
    if (refusal !== null) return refusal;
  }
  return null;
}

/** A record, live or not, of a uid that another one has, or the root: who of the two could speak of that scope? */
async function recordedTwice({ owns, scopes }: Genesis): Promise<Delegation | null> {
  const [root = ''] = scopes.keys();
  const seen = new Set([root]);
  for (const { accepted } of scopes.values())
    for (const record of recordsByUid(await owns.delegations(accepted.tree)).values()) {
      if (seen.has(record.uid)) return record;
      seen.add(record.uid);
    }
  return null;
}

/** Siblings whose trees and policies are read at once. It fills memos: what fails here fails again, with its reason. */
const AHEAD = 48;

async function readAhead(
  { owns, tree }: Genesis,
  { directory }: { readonly directory: string },
): Promise<void> {
  const own = await owns.own(tree, directory).catch(() => null);
  if (own?.ok === true) await owns.policy(own).catch(() => null);
}

/** A scope at its genesis: what stands there, with nothing said about it yet. */
export function firstState(
  at: { readonly commit: ObjectId; readonly index: number },
  place: Pick<ScopeState, 'uid' | 'name' | 'path' | 'directory' | 'parent'>,
  own: { readonly digest: string; readonly tree: ObjectId },
  policy: Policy,
): ScopeState {
  const { directory } = place;
  const { digest, tree } = own;
  return {
    ...place,
    places: [{ index: at.index, directory }],
    status: 'Live',
    seq: 1,
    accepted: { digest, commit: at.commit, directory, tree },
    landed: digest,
    epoch: at,
    policy,
    unclean: null,
    hold: null,
    lineage: [],
    predecessors: [],
    successors: [],
    unproven: [],
  };
}

/** An entry that says nothing, with its fields in the order in which all show them. */
export const BLANK_ENTRY: LineageEntry = {
  event: 'genesis',
  seq: 1,
  class: null,
  commit: '',
  base: null,
  next: null,
  votes: [],
  competing: [],
  withdrawals: [],
  policy: '',
  previousAnchors: null,
  group: null,
  predecessors: [],
  successors: [],
  movedTo: null,
  rule: null,
  reason: null,
};

function pinned(scope: ScopeState): ScopeState {
  const { policy, accepted } = scope;
  const { commit, digest: next } = accepted;
  const entry = { ...BLANK_ENTRY, commit, next, policy: policy.digest };
  return { ...scope, unproven: policy.anchors.map(({ name }) => name), lineage: [entry] };
}

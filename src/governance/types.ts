import type { ObjectId } from '../git/index.ts';
import type { AnchorKey } from '../signatures/index.ts';
import type { Member } from './statement.ts';

/** What an operator pins out of band (`fairlead trust`): where a line begins, and what stands there. */
export type Pin = {
  readonly commit: ObjectId;
  /** Path of the mesh inside the repository; `.` is the whole repository. */
  readonly path: string;
  /** uid of the root scope. */
  readonly uid: string;
  readonly seq: number;
  /** Own digest of every scope that lives at the genesis, by uid. */
  readonly digests: Readonly<Record<string, string>>;
  /** A later tip that is trusted too (G20): a line that does not have it is refused, however it begins. No verdict reads it. */
  readonly tip?: ObjectId;
};

/** Classes of a mutation, derived from bytes and never declared. */
export type MutationClass =
  | 'update'
  | 'reconfigure'
  | 'delegate'
  | 'split'
  | 'merge'
  | 'move'
  | 'dissolve'
  | 'undelegate'
  | 'renew';

export type Anchor = {
  readonly name: string;
  readonly type: 'human' | 'automation';
  readonly keys: readonly AnchorKey[];
};

type Requirement = { readonly type: 'human' | 'automation'; readonly atLeast: number };

/** Names and patterns of names, as `scope.yaml` has them. */
type Owned = { readonly namespaces: readonly string[]; readonly hosts: readonly string[] };

/** Who decides over a scope, read from its `scope.yaml` and the certificates that it pins. */
export type Policy = {
  readonly anchors: readonly Anchor[];
  readonly threshold: number;
  readonly byClass: Readonly<Partial<Record<MutationClass, number>>>;
  readonly require: readonly Requirement[];
  readonly statements: 'Optional' | 'Required';
  readonly owns: Owned;
  readonly trustDomain: string | null;
  readonly limits: { readonly files: number; readonly bytes: number };
  /** Immutable: it makes the uid unique. */
  readonly salt: string;
  readonly recovery: { readonly threshold: number; readonly anchors: readonly Anchor[] } | null;
  /** SHA-256 over `scope.yaml`, which binds every key. */
  readonly digest: string;
};

/** The bytes that a scope serves: where to read them, and their own digest. */
type Accepted = {
  readonly digest: string;
  readonly commit: ObjectId;
  readonly directory: string;
  /** Tree object of that directory in that commit. */
  readonly tree: ObjectId;
};

/** An anchor by the policy in force (`old`), by its recovery set, or by the policy that is proposed (`new`). */
export type Side = 'old' | 'recovery' | 'new';

/** One anchor's approval of a candidate, for each policy that lists the key and each group that it names. */
export type Vote = {
  readonly anchor: string;
  readonly policy: Side;
  readonly fingerprint: string;
  /** The commit that says it, or that carries its token. */
  readonly commit: ObjectId;
  readonly form: 'implicit' | 'explicit' | 'detached';
  /** Digest of the group with which alone it counts (G16), or null. */
  readonly group: string | null;
};

/** Why a commit that looks like an approval is none; shown to users, never evidence. */
export type Refused = {
  readonly commit: ObjectId;
  readonly anchor: string | null;
  readonly rule: string;
  readonly reason: string;
};

/** `(uid, seq, base → next)`: the whole difference between accepted and landed, with its class. */
export type Candidate = {
  readonly class: MutationClass | 'mixed';
  readonly seq: number;
  readonly base: string;
  readonly next: string;
};

/** Scopes whose mutations are accepted together or not at all; `digest` is over the sorted member lines. */
export type Group = { readonly digest: string; readonly members: readonly Member[] };

/** A scope whose main-line tree differs from its accepted tree. It keeps serving the accepted one. */
export type Hold = {
  /** The main-line commit at which this verdict was first reached. */
  readonly commit: ObjectId;
  /** The first main-line commit at which the scope was not clean. */
  readonly since: ObjectId;
  readonly rule: string;
  /** e.g. `1 of 2: alice signed; bo or cy missing`. */
  readonly reason: string;
  readonly candidate: Candidate | null;
  /** The structural group of more than one scope in which alone it could be accepted; else null. */
  readonly group: Group | null;
  readonly signed: readonly string[];
  readonly missing: readonly string[];
  readonly needed: number;
  readonly votes: readonly Vote[];
  readonly refused: readonly Refused[];
};

/** One entry per main-line commit at which a scope's digest, accepted state, hold or withdrawals change. */
export type LineageEntry = {
  readonly event: 'genesis' | 'accepted' | 'held' | 'lifted' | 'withdrawn';
  readonly seq: number;
  /** `recover`: a reconfigure that the recovery set accepted, not the old quorum. */
  readonly class: MutationClass | 'mixed' | 'recover' | null;
  readonly commit: ObjectId;
  readonly base: string | null;
  readonly next: string | null;
  readonly votes: readonly Vote[];
  /** Digest of the policy in force from here on. */
  readonly policy: string;
  /** The anchors before a reconfigure, with the fingerprints of their keys; else null. */
  readonly previousAnchors: readonly { readonly name: string; readonly keys: readonly string[] }[] | null;
  /** Withdrawals for the next mutation that came in here. */
  readonly withdrawals: readonly Vote[];
  /** The structural group of more than one scope with which it was accepted; else null. */
  readonly group: Group | null;
  /** uids of scopes whose files or name this one has from here on, and of those that have its own. */
  readonly predecessors: readonly string[];
  readonly successors: readonly string[];
  /** The directory to which it moved here; null where it stayed. */
  readonly movedTo: string | null;
  readonly rule: string | null;
  readonly reason: string | null;
};

export type ScopeState = {
  readonly uid: string;
  /** The name as the parent's record gives it. */
  readonly name: string;
  /** Dotted path from the root: `acme`, `acme.payments`. */
  readonly path: string;
  /** Its place: the directory within the mesh path; empty for the root. `accepted` names the one it had then. */
  readonly directory: string;
  /** Its places so far, each since the main-line commit `index`; the last is `directory`. */
  readonly places: readonly { readonly index: number; readonly directory: string }[];
  readonly parent: string | null;
  /** `Withdrawn`: judged as ever, and nothing of it is served (G7). `Tombstone`: it was, and its uid never is again (G19). */
  readonly status: 'Live' | 'Withdrawn' | 'Tombstone';
  readonly seq: number;
  readonly accepted: Accepted;
  /** Own digest of what stands on the main line; null for ⊥. */
  readonly landed: string | null;
  readonly epoch: { readonly commit: ObjectId; readonly index: number };
  readonly policy: Policy;
  /** The first main-line commit since the epoch at which the scope was not clean (I4). */
  readonly unclean: { readonly commit: ObjectId; readonly index: number } | null;
  readonly hold: Hold | null;
  readonly lineage: readonly LineageEntry[];
  readonly predecessors: readonly string[];
  readonly successors: readonly string[];
  /** Anchors of a genesis policy that no accepted vote has yet shown to hold their key. */
  readonly unproven: readonly string[];
};

/** `s(tip)`: every scope of one line, after the main-line commit `tip`. */
export type LineState = {
  readonly pin: Pin;
  readonly tip: ObjectId;
  /** i of the tip in m0 … mN. */
  readonly index: number;
  /** By uid, parents before children, siblings in record order. */
  readonly scopes: ReadonlyMap<string, ScopeState>;
};

/** A private member, so that neither a literal nor a spread of another `VerifiedScope` has the type. */
declare abstract class Verified {
  private readonly verified: true;
}

/** A file of a scope's accepted tree; `path` is relative to the scope's directory. */
export type ScopeFile = { readonly path: string; readonly bytes: Uint8Array };

/** Accepted bytes of one scope. Only `governance` constructs it: translating unverified YAML does not compile. */
export type VerifiedScope = Verified & {
  readonly uid: string;
  readonly path: string;
  readonly directory: string;
  readonly seq: number;
  readonly epoch: ObjectId;
  readonly digest: string;
  readonly commit: ObjectId;
  readonly owns: Owned;
  /** What its live records grant on: a child's, or nobody's, but not this scope's. */
  readonly granted: Owned;
  readonly trustDomain: string | null;
  readonly signers: readonly string[];
  /** Manifests only: neither `scope.yaml`, `delegations.yaml`, `anchors/` nor `identity/`. */
  readonly files: readonly ScopeFile[];
};

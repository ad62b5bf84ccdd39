import type { Pin as PinFile } from '../generated/schemas/Pin.ts';
import type { ObjectId } from '../git/index.ts';
import type { MutationClass, Owned } from '../policy/index.ts';
import type { Candidate, Group, Refused, Vote, VotingScope } from '../votes/index.ts';

/** What an operator pins out of band (`fairlead trust`). No verdict reads its `tip`: Following does (G20). */
export type Pin = Omit<PinFile, 'apiVersion' | 'kind'>;

/** The bytes that a scope serves: where to read them, and their own digest. */
type Accepted = {
  readonly digest: string;
  readonly commit: ObjectId;
  readonly directory: string;
  /** Tree object of that directory in that commit. */
  readonly tree: ObjectId;
};

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
  /** Votes for another mutation of the number that is accepted already, from the same epoch (G20). */
  readonly competing: readonly Vote[];
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
  /** Where a hold begins: votes for another mutation of the number that is accepted already, from the same epoch (G20). */
  readonly competing: readonly Vote[];
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

export type ScopeState = VotingScope & {
  /** The name as the parent's record gives it. */
  readonly name: string;
  /** Dotted path from the root: `acme`, `acme.payments`. */
  readonly path: string;
  readonly parent: string | null;
  /** `Withdrawn`: judged as ever, and nothing of it is served (G7). `Tombstone`: it was, and its uid never is again (G19). */
  readonly status: 'Live' | 'Withdrawn' | 'Tombstone';
  readonly accepted: Accepted;
  /** Own digest of what stands on the main line; null for ⊥. */
  readonly landed: string | null;
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
  /** uid of the scope that it stands in; null: a root. */
  readonly parent: string | null;
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

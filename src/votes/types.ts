import type { ObjectId } from '../git/index.ts';
import type { MutationClass, Policy } from '../policy/index.ts';
import type { Member } from './statement.ts';

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

/** A commit of the main line, and the i of mi. */
type MainCommit = { readonly commit: ObjectId; readonly index: number };

/** What decides who may vote about a scope, on what and since when: part of its state. */
export type VotingScope = {
  readonly uid: string;
  readonly seq: number;
  /** Its place: the directory within the mesh path; empty for the root. */
  readonly directory: string;
  /** Its places so far, each since the main-line commit `index`; the last is `directory`. */
  readonly places: readonly { readonly index: number; readonly directory: string }[];
  /** Where its accepted mutation was accepted. */
  readonly epoch: MainCommit;
  /** The first main-line commit since the epoch at which the scope was not clean (I4). */
  readonly unclean: MainCommit | null;
  readonly accepted: { readonly digest: string };
  readonly policy: Policy;
};

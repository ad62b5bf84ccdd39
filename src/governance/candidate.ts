import {
  changes,
  classify,
  type FileChange,
  type Policy,
  type Readable,
  readable,
  type ScopeTrees,
} from '../policy/index.ts';
import type { Candidate } from '../votes/index.ts';
import { proposedPolicy } from './reconfigure.ts';
import type { ScopeState } from './types.ts';

/** The candidate that a tree makes, what it changes, and why no quorum could accept it. */
export type Proposed = {
  readonly candidate: Candidate;
  readonly changes: readonly FileChange[];
  /** What a reconfigure puts in the place of the policy in force; else null. */
  readonly policy: Policy | null;
  readonly refusal: { readonly rule: string; readonly reason: string } | null;
};

/**
 * `(uid, seq+1, accepted → d)`: the whole difference from the accepted state, whoever made its parts; of a clean scope,
 * renew. `scopes` is s(i-1): no effect of mi is visible to a verdict at mi. What a difference of records asks for is
 * found by `survey`.
 */
export async function toCandidate(
  owns: ScopeTrees,
  scopes: ReadonlyMap<string, ScopeState>,
  scope: ScopeState,
  own: Readable,
): Promise<Proposed> {
  const { seq, accepted: base, policy: inForce } = scope;
  const named = { seq: seq + 1, base: base.digest, next: own.digest };
  const proposed = { changes: [], policy: null, refusal: null };
  if (own.digest === base.digest) return { ...proposed, candidate: { class: 'renew', ...named } };
  const accepted = readable(await owns.read(base.tree));
  const difference = changes(accepted.files, own.files);
  const mutation = classify(difference);
  const made = { ...proposed, candidate: { class: mutation, ...named }, changes: difference };
  if (mutation === 'mixed') {
    const read = await owns.policy(own); // G21: a version that knows the ruleset may have accepted a part of it.
    return { ...made, refusal: read.ok || read.rule !== 'G21' ? mixed() : read };
  }
  if (mutation !== 'reconfigure') return { ...made, refusal: overLimit(inForce, own) };
  const read = await proposedPolicy(owns, scopes, scope, own);
  if (!read.ok) return { ...made, refusal: read };
  return { ...made, policy: read.policy, refusal: overLimit(read.policy, own) };
}

export function mixed(file?: string): { readonly rule: string; readonly reason: string } {
  const what = file === undefined ? 'governance files and manifests' : `the records of scopes and ${file}`;
  return { rule: 'Class', reason: `${what} change at once: split it in two` };
}

export function overLimit({ limits }: Policy, { files }: Readable): Proposed['refusal'] {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (files.length > limits.files)
    return { rule: 'G17', reason: `${files.length} files; the scope's own limit is ${limits.files}` };
  if (bytes > limits.bytes)
    return { rule: 'G17', reason: `${bytes} bytes; the scope's own limit is ${limits.bytes}` };
  return null;
}

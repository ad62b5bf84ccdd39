import { changes, classify, type FileChange } from './classify.ts';
import type { Own, ScopeTrees } from './own.ts';
import { proposedPolicy } from './reconfigure.ts';
import type { Candidate, Policy, ScopeState } from './types.ts';

/** The candidate that a tree makes, what it changes, and why no quorum could accept it. */
export type Proposed = {
  readonly candidate: Candidate;
  readonly changes: readonly FileChange[];
  /** What a reconfigure puts in the place of the policy in force; else null. */
  readonly policy: Policy | null;
  readonly refusal: { readonly rule: string; readonly reason: string } | null;
};

type Readable = Own & { readonly ok: true };

/**
 * `(uid, seq+1, accepted → d)`: the whole difference from the accepted state, whoever made its parts. `scopes` is
 * s(i-1): no effect of mi is visible to a verdict at mi.
 */
export async function toCandidate(
  owns: ScopeTrees,
  scopes: ReadonlyMap<string, ScopeState>,
  scope: ScopeState,
  own: Readable,
): Promise<Proposed> {
  const accepted = await owns.read(scope.accepted.tree);
  if (!accepted.ok) throw new Error('the accepted tree cannot be read again');
  const difference = changes(accepted.files, own.files);
  const { seq, accepted: base, policy: inForce } = scope;
  const mutation = classify(difference);
  const candidate: Candidate = { class: mutation, seq: seq + 1, base: base.digest, next: own.digest };
  const proposed = { candidate, changes: difference, policy: null };
  if (mutation === 'update') return { ...proposed, refusal: overLimit(inForce, own) };
  if (mutation !== 'reconfigure')
    return { ...proposed, refusal: { rule: 'Class', reason: notYet(mutation) } };
  const read = await proposedPolicy(owns, scopes, scope, own);
  if (!read.ok) return { ...proposed, refusal: read };
  return { ...proposed, policy: read.policy, refusal: overLimit(read.policy, own) };
}

function notYet(mutation: Candidate['class']): string {
  return mutation === 'mixed'
    ? 'governance files and manifests change at once: split it in two'
    : `a change of the class ${mutation} is not accepted by this version: revert it`;
}

function overLimit({ limits }: Policy, { files }: Readable): Proposed['refusal'] {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (files.length > limits.files)
    return { rule: 'G17', reason: `${files.length} files; the scope's own limit is ${limits.files}` };
  if (bytes > limits.bytes)
    return { rule: 'G17', reason: `${bytes} bytes; the scope's own limit is ${limits.bytes}` };
  return null;
}

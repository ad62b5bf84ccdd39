/** Our verdict on a raw commit, as governance comes to it: G1, whose it may be, then the cryptography. */
import { Failure } from '../../../src/base/failure.ts';
import { parseCommit } from '../../../src/git/index.ts';
import { type AnchorKey, signerOf, verifySignature } from '../../../src/signatures/index.ts';

/** `reason` is null where the commit is accepted; every exception but the one that `parseCommit` promises is a bug. */
export type Verdict = { readonly rule: 'G1' | 'G13' | 'G14' | null; readonly reason: string | null };

/** `of` is the key of which a signature that names nobody is asked, for the reason. */
export async function verdictOn(
  raw: Uint8Array,
  keys: readonly AnchorKey[],
  of: AnchorKey,
): Promise<Verdict> {
  const commit = read(raw);
  if (commit === null) return { rule: 'G1', reason: 'git itself cannot read tree and parents' };
  if (commit.refusal !== null) return { rule: 'G1', reason: commit.refusal };
  if (commit.signature === null) return { rule: 'G1', reason: 'has no signature' };
  const key = signerOf(commit.signature, keys) ?? of;
  const verdict = await verifySignature(commit.signature, key, 'git');
  return verdict.ok ? { rule: null, reason: null } : { rule: verdict.rule, reason: verdict.reason };
}

function read(raw: Uint8Array): ReturnType<typeof parseCommit> | null {
  try {
    return parseCommit('0'.repeat(40), raw);
  } catch (error) {
    if (error instanceof Failure && error.code === 'object-malformed') return null;
    throw error;
  }
}

import type { ObjectId } from '../../git/index.ts';
import {
  type Anchor,
  type Approval,
  readStatements,
  type ScopeState,
  type Withdrawal,
} from '../../governance/index.ts';
import { signerOf, verifySignature } from '../../signatures/index.ts';
import type { Clone } from '../clone.ts';
import { run } from '../native.ts';

/** A statement about a scope that one of its anchors signed. What people are told; no verdict is made of it. */
export type Said = {
  readonly commit: ObjectId;
  readonly anchor: string;
  readonly fingerprint: string;
  readonly statement: Approval | Withdrawal;
};

/**
 * What `anchors` have said in words about the next mutation of a scope, and about the few before it, in the commits ≤
 * `tips`. Found by git where that is installed; without it nothing is found.
 */
export async function saidAbout(
  clone: Clone,
  { uid, seq }: Pick<ScopeState, 'uid' | 'seq'>,
  anchors: readonly Anchor[],
  tips: readonly ObjectId[],
): Promise<readonly Said[]> {
  const seqs = [seq - 2, seq - 1, seq, seq + 1].filter((each) => each > 0);
  const pattern = `^Fairlead-(Approve|Withdraw): ${uid} seq=(${seqs.join('|')})( |$)`;
  const search = ['rev-list', '--extended-regexp', `--grep=${pattern}`, ...new Set(tips), '--'];
  const found = await run('git', ['--no-replace-objects', '-C', clone.folder, ...search]).catch(() => null);
  if (found?.code !== 0) return [];
  const ids = found.out.split('\n').filter((id) => id !== '');
  return (await Promise.all(ids.map((id) => wordsIn(clone, uid, anchors, id)))).flat();
}

async function wordsIn(
  { backend }: Clone,
  uid: string,
  anchors: readonly Anchor[],
  id: ObjectId,
): Promise<readonly Said[]> {
  const { message, signature } = await backend.commit(id);
  if (signature === null) return [];
  const key = signerOf(
    signature,
    anchors.flatMap(({ keys }) => keys),
  );
  const anchor = anchors.find(({ keys }) => key !== null && keys.includes(key));
  if (key === null || anchor === undefined || !(await verifySignature(signature, key, 'git')).ok) return [];
  return readStatements(message).flatMap((statement) =>
    statement.kind === 'void' || statement.uid !== uid
      ? []
      : [{ commit: id, anchor: anchor.name, fingerprint: key.fingerprint, statement }],
  );
}

/** The round up to which an anchor has withdrawn what they said about mutation `seq` (V3); -1: nothing. */
export function withdrawnUpTo(said: readonly Said[], anchor: string, seq: number): number {
  return highest(said, anchor, seq, 'withdraw');
}

/** The highest round of an anchor's approvals of mutation `seq`; -1 where there is none. */
export function approvedUpTo(said: readonly Said[], anchor: string, seq: number): number {
  return highest(said, anchor, seq, 'approve');
}

function highest(said: readonly Said[], anchor: string, seq: number, kind: 'approve' | 'withdraw'): number {
  const rounds = said
    .filter((each) => each.anchor === anchor && each.statement.kind === kind && each.statement.seq === seq)
    .map(({ statement }) => statement.round);
  return Math.max(-1, ...rounds);
}

/** The approvals of mutation `seq` that no withdrawal fences. */
export function liveApprovals(
  said: readonly Said[],
  seq: number,
): readonly (Said & { readonly statement: Approval })[] {
  return said.flatMap((each) => {
    const { statement, anchor } = each;
    if (statement.kind !== 'approve' || statement.seq !== seq) return [];
    return statement.round > withdrawnUpTo(said, anchor, seq) ? [{ ...each, statement }] : [];
  });
}

/** Approvals that came too late: another mutation has the seq that they name. */
export function overtaken(said: readonly Said[], { lineage }: Pick<ScopeState, 'lineage'>): readonly Said[] {
  return said.filter(({ statement }) => {
    if (statement.kind !== 'approve') return false;
    const taken = lineage.find(({ event, seq }) => event === 'accepted' && seq === statement.seq);
    return taken !== undefined && taken.next !== statement.next;
  });
}

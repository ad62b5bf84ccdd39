import type { Commit, ObjectId } from '../../git/index.ts';
import type { ScopeState } from '../../governance/index.ts';
import type { Anchor } from '../../policy/index.ts';
import { signerOf, verifySignature } from '../../signatures/index.ts';
import { type Approval, readStatements, readToken, tokenRuns, type Withdrawal } from '../../votes/index.ts';
import type { Clone } from '../clone.ts';
import { run } from '../native.ts';

/** A statement about a scope that one of its anchors signed. What people are told; no verdict is made of it. */
export type Said = {
  readonly commit: ObjectId;
  readonly anchor: string;
  readonly fingerprint: string;
  readonly form: 'explicit' | 'detached';
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
  const patterns = [`--grep=${pattern}`, '--grep=fairlead1:'];
  const search = ['rev-list', '--extended-regexp', ...patterns, ...new Set(tips), '--'];
  const found = await run('git', ['--no-replace-objects', '-C', clone.folder, ...search]).catch(() => null);
  if (found?.code !== 0) return [];
  const ids = found.out.split('\n').filter((id) => id !== '');
  const commits = await Promise.all(ids.map((id) => clone.backend.commit(id)));
  const said = await Promise.all(commits.flatMap(wordsIn).map((words) => heard(uid, anchors, words)));
  return said.flat();
}

/** Statements and the signature over them, wherever they stand. */
type Words = {
  readonly commit: ObjectId;
  readonly statements: ReturnType<typeof readStatements>;
  readonly signature: Parameters<typeof signerOf>[0] | null;
  readonly namespace: Parameters<typeof verifySignature>[2];
};

/** A commit's own words, and the tokens that it carries. */
function wordsIn({ id, message, signature }: Commit): readonly Words[] {
  const own: Words = { commit: id, statements: readStatements(message), signature, namespace: 'git' };
  const tokens = [...tokenRuns(message)].flatMap((run) => readToken(run) ?? []);
  return [own, ...tokens.map((token): Words => ({ commit: id, ...token, namespace: 'fairlead' }))];
}

async function heard(
  uid: string,
  anchors: readonly Anchor[],
  { commit, statements, signature, namespace }: Words,
): Promise<readonly Said[]> {
  const about = statements.flatMap((each) => (each.kind !== 'void' && each.uid === uid ? [each] : []));
  if (signature === null || about.length === 0) return [];
  const keys = anchors.flatMap((anchor) => anchor.keys);
  const key = signerOf(signature, keys);
  const anchor = anchors.find((each) => key !== null && each.keys.includes(key));
  if (key === null || anchor === undefined) return [];
  if (!(await verifySignature(signature, key, namespace)).ok) return [];
  return about.map((statement) => ({
    commit,
    anchor: anchor.name,
    fingerprint: key.fingerprint,
    form: namespace === 'git' ? 'explicit' : 'detached',
    statement,
  }));
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

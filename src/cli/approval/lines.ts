import type { Proposal } from '../../governance/index.ts';
import { formatApproval } from '../../votes/index.ts';

type Candidacy = Extract<Proposal['outcome'], { readonly kind: 'candidate' }>;

/** Of a proposal that is signed: `round` is one above what its signer has withdrawn. */
type Speech = {
  readonly scope: { readonly uid: string };
  readonly outcome: Candidacy;
  readonly round: number;
};

/**
 * The lines that one commit or token has to carry: of a group the line of every member, whoever signs (formats.md), since
 * the list is in the signed bytes.
 */
export function statementsOf(speeches: readonly Speech[]): readonly string[] {
  const rounds = new Map(speeches.map(({ scope: { uid }, round }) => [uid, round]));
  const lines = speeches.flatMap(({ scope: { uid }, outcome: { candidate, group } }) => {
    const { seq, base, next } = candidate;
    const members = group?.members ?? [{ uid, seq, base, next }];
    const digest = group?.digest ?? null;
    return members.map((member) =>
      formatApproval({ ...member, group: digest, round: rounds.get(member.uid) ?? 0 }),
    );
  });
  return [...new Set(lines)];
}

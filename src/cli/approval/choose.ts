import type { Proposal, ScopeState } from '../../governance/index.ts';
import type { Anchor } from '../../policy/index.ts';
import type { UserKey } from '../keys.ts';
import { short } from '../output.ts';
import { Refusal } from '../refusal.ts';
import { liveApprovals, type Said, withdrawnUpTo } from './said.ts';

/** A candidate that this user's key may approve. */
export type Approvable = {
  readonly scope: ScopeState;
  readonly anchor: string;
  readonly outcome: Extract<Proposal['outcome'], { readonly kind: 'candidate' }>;
  /** One above what the anchor has withdrawn (V3); 0 where that is nothing. */
  readonly round: number;
};

/** A proposal, and what has been said about its scope. */
export type Heard = { readonly proposal: Proposal; readonly said: readonly Said[] };

type Candidacy = Exclude<Proposal['outcome'], { readonly kind: 'clean' }>;
type Against = { readonly rule: string; readonly reason: string };

/** Names every reason why there is nothing to sign at `head`; each is a refusal, never silence. */
export function choose(heard: readonly Heard[], key: UserKey, head: string): readonly Approvable[] {
  const reasons: Against[] = [];
  const approvables = heard.flatMap(({ proposal: { scope, outcome }, said }): readonly Approvable[] => {
    if (outcome.kind === 'clean') return [];
    const anchor = anchorOf(electors(scope, outcome), key);
    const against = reasonAgainst(scope, outcome, key, anchor, said);
    if (against === null && outcome.kind === 'candidate' && anchor !== null) {
      const round = withdrawnUpTo(said, anchor, outcome.candidate.seq) + 1;
      return [{ scope, anchor, outcome, round }];
    }
    if (against !== null) reasons.push({ rule: against.rule, reason: `${scope.path}: ${against.reason}` });
    return [];
  });
  if (approvables.length > 0) return approvables;
  const [first] = reasons;
  if (first === undefined) throw new Refusal('clean', `${head} is the accepted state: nothing to approve`);
  throw new Refusal(first.rule, reasons.map(({ reason }) => reason).join('; '));
}

function reasonAgainst(
  scope: ScopeState,
  outcome: Candidacy,
  key: UserKey,
  anchor: string | null,
  said: readonly Said[],
): Against | null {
  if (outcome.kind === 'unreadable') return outcome;
  const { candidate, refusal } = outcome;
  if (refusal !== null) return refusal;
  if (anchor === null) return notAnAnchor(electors(scope, outcome), key);
  const { hold } = scope;
  const live = liveApprovals(said, candidate.seq).find(
    ({ fingerprint, statement: { base, next, group } }) =>
      fingerprint === key.fingerprint &&
      base === candidate.base &&
      next === candidate.next &&
      group === (outcome.group?.digest ?? null),
  );
  const isHeld = hold?.candidate?.next === candidate.next && hold.group?.digest === outcome.group?.digest;
  const missing = isHeld ? hold.missing : [];
  const rest = missing.length === 0 ? '' : `; ${missing.join(' or ')} missing`;
  if (live !== undefined)
    return { rule: 'signed', reason: `${anchor} has signed this already at ${short(live.commit)}${rest}` };
  if (!isHeld) return null;
  // Of a reconfigure, and of a new scope, each added key signs: another key of the same anchor may still be wanted.
  const signed = hold.votes.some(({ fingerprint }) => fingerprint === key.fingerprint);
  if (!signed && (outcome.policy !== null || !hold.signed.includes(anchor))) return null;
  return { rule: 'signed', reason: `${anchor} has signed this already${rest}` };
}

/**
 * The anchors of the policy in force; for a reconfigure its recovery set too, and those of the policy that it proposes: a
 * new key shows that it is held.
 */
export function electors({ policy }: ScopeState, outcome: Proposal['outcome']): readonly Anchor[] {
  const proposed = outcome.kind === 'candidate' ? outcome.policy : null;
  if (proposed === null) return policy.anchors;
  return [policy, proposed].flatMap(({ anchors, recovery }) => [...anchors, ...(recovery?.anchors ?? [])]);
}

export function anchorOf(anchors: readonly Anchor[], key: UserKey): string | null {
  const mine = anchors.find(({ keys }) => keys.some(({ fingerprint }) => fingerprint === key.fingerprint));
  return mine?.name ?? null;
}

export function notAnAnchor(anchors: readonly Anchor[], { fingerprint }: UserKey): Against {
  const known = [...new Set(anchors.map(({ name }) => name))].join(', ');
  return { rule: 'V1', reason: `your key ${fingerprint} is none of its anchors (${known})` };
}

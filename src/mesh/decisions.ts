import { byCodeUnit } from '../base/order.ts';
import type { VerifiedScope } from '../governance/index.ts';

/** Who decided what a scope says. */
export type Decision = Pick<VerifiedScope, 'uid' | 'seq' | 'signers'> & {
  /** Dotted path. */
  readonly scope: string;
  /** Where it was accepted. */
  readonly commit: string;
};

/** Its signers in the order of their names. */
export function decisionOf({ uid, path, seq, epoch, signers }: VerifiedScope): Decision {
  return { uid, scope: path, seq, commit: epoch, signers: signers.toSorted(byCodeUnit) };
}

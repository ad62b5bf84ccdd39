/**
 * Governance: may we believe it?
 *
 * Takes a pin and the objects of a repository, and folds the main line one commit at a time into the state of every
 * scope (`Line.state`). Guarantees to the next room: a `VerifiedScope` holds exactly the bytes that a quorum of the
 * scope's own anchors accepted, whatever was done to the repository. Refuses by holding one scope, with rule, numbers
 * and names; a missing object is no verdict at all. Pure: the verdict is a function of (pin, tip, ruleset) and object
 * bytes. Enforces G0, with `test/style`. Rules are those of the design's governance text; grep for their names.
 */
export type { Earlier } from './earlier.ts';
export { follow } from './follow.ts';
export { makePin } from './genesis.ts';
export { type Line, openLine } from './line.ts';
export { parsePin } from './pin.ts';
export { lostBy } from './prefix.ts';
export { asIfAccepted, type Proposal, propose } from './proposal.ts';
export { countVotes } from './quorum.ts';
export type {
  Hold,
  LineageEntry,
  LineState,
  Pin,
  ScopeState,
  VerifiedScope,
} from './types.ts';
export { formatVerification, verification } from './verification.ts';
export { asIfVerified, withAuthorityOf } from './verified.ts';

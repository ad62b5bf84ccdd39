/**
 * Votes: who has said yes, and to exactly what?
 *
 * Takes the commits of one line in the order in which they came in; gives the votes for one candidate (V1–V3): statements and
 * tokens (G3), and plain signed commits that show its bytes from a clean view (G2, I1–I4). Guarantees to the next room: each
 * vote is a signature by a key of an anchor that may speak, over words or bytes that name this mutation and no other. Whether
 * the votes suffice is not asked here. Refuses a commit with rule and reason; neither order nor dates decide.
 */
export { lookAhead } from './ahead.ts';
export { competing } from './competing.ts';
export type { History } from './history.ts';
export { sortSigned } from './speakers.ts';
export {
  type Approval,
  formatApproval,
  formatWithdrawal,
  groupDigest,
  type Member,
  readStatements,
  type Withdrawal,
} from './statement.ts';
export { formatToken, readToken, tokenBytes, tokenRuns } from './token.ts';
export type { Candidate, Group, Refused, Side, Vote, VotingScope } from './types.ts';
export {
  type Ballot,
  type Bench,
  collectFirstVotes,
  collectVotes,
  newWithdrawals,
  openBench,
} from './votes.ts';

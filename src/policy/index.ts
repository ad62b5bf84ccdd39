/**
 * Policy: who may decide?
 *
 * Takes the tree of a scope's directory; gives its own digest, the policy in its `scope.yaml` with the keys of its anchors, its
 * delegation records and what they grant, and the class that a change of its files has. Guarantees to the next room: what is
 * given was read from bytes that G10 and G12 let through, and every key is one that its anchor alone holds (G4). Refuses with a
 * rule and a reason. What a policy says, no other scope's tree can change. Formats are those of the design's formats text.
 */
export { changes, classify, type FileChange, isPolicyFile } from './classify.ts';
export { type Delegation, recordsByUid } from './delegation.ts';
export { badGrants, badOwnership, grantedLess, overGrant, within } from './grants.ts';
export {
  createScopeTrees,
  joinPath,
  type Own,
  type Readable,
  readable,
  type ScopeTrees,
  withThoseAbove,
} from './own.ts';
export { allAnchors, CLASSES, materialsOf, type PolicyRead, threshold } from './policy.ts';
export { type Ask, CLASS_OF, compareRecords, hasForward } from './records.ts';
export { type Ruleset, ruleset1 } from './ruleset.ts';
export { schemaMistake } from './schema.ts';
export { countQuorum, countRecovery, NOBODY, type Tally } from './tally.ts';
export type { Anchor, MutationClass, Owned, Policy } from './types.ts';

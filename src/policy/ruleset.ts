import { CAPS } from '../git/index.ts';
import { forgeKeys, testKeys } from '../signatures/index.ts';

/**
 * Constants of ruleset 1: part of the verdict, never of a configuration. Enforces G17: every cap that is asked for is one of these.
 * Tests alone pass another one, to be allowed to sign with the published test keys.
 */
export type Ruleset = typeof CAPS & {
  readonly number: number;
  readonly sideCommits: number;
  readonly messageBytes: number;
  readonly tokens: number;
  readonly signatureChecks: number;
  readonly delegationDepth: number;
  /** Key material that can never be an anchor: forges sign for everybody, test keys are published. */
  readonly refusedKeys: ReadonlySet<string>;
};

export const ruleset1: Ruleset = {
  number: 1,
  sideCommits: 10_000,
  messageBytes: 64 * 1024,
  tokens: 256,
  signatureChecks: 1_000,
  delegationDepth: 16,
  ...CAPS,
  refusedKeys: new Set([...forgeKeys, ...testKeys]),
};

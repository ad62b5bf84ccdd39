import type { Problem } from '../base/problem.ts';
import type { Hold } from '../governance/index.ts';
import type { ApiStatus } from '../mesh/index.ts';

export type ConditionType = 'Ready' | 'SourceVerified' | 'QuorumMet' | 'Valid' | 'Translated' | 'Distributed';

/** kstatus style: `reason` is one CamelCase word for programs, `message` a sentence for people. */
export type Condition = {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  /** The main-line commit that this was observed at; null before the first. */
  readonly observedRevision: string | null;
};

export type ScopeStatus = {
  readonly repository: string;
  readonly uid: string;
  /** Dotted scope path. */
  readonly path: string;
  readonly directory: string;
  /** Of what is withdrawn, or was once, nothing is served. */
  readonly status: 'Live' | 'Withdrawn' | 'Tombstone';
  readonly seq: number;
  readonly epoch: string;
  readonly digest: string;
  /** Is what is accepted what the main line has, and what is served? */
  readonly sync: 'Synced' | 'Held' | 'OutOfSync' | 'Unknown';
  readonly health: 'Healthy' | 'Progressing' | 'Degraded';
  /** What is served is always verified; this is about what landed on the main line last. */
  readonly verified:
    | { readonly ok: true }
    | { readonly ok: false; readonly rule: string; readonly reason: string };
  readonly hold: Hold | null;
  /** Anchors of a genesis that have not yet shown that they hold their key. */
  readonly unproven: readonly string[];
  readonly conditions: readonly Condition[];
  readonly problems: readonly Problem[];
  /** What Kubernetes is to be told of its Gateways and routes. */
  readonly gatewayApi: readonly ApiStatus[];
};

/** What became of the latest tip that Following did not follow. */
export type Refusal = {
  readonly tip: string;
  readonly rule: string;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly sinceMs: number;
};

type OperationalFailure = { readonly code: string; readonly message: string; readonly fix: string };

/** Milliseconds per stage for the last revision that changed anything; null: not yet, or not in this process. */
export type Stages = {
  readonly fetchMs: number | null;
  readonly verifyMs: number | null;
  /** Reading manifests, building the mesh, and the snapshots of all proxies. */
  readonly translateMs: number | null;
  /** From the push to the last connected proxy's ACK; snapshots are made on the way. */
  readonly ackMs: number | null;
};

export type Freshness = {
  readonly lastOkMs: number | null;
  readonly ageMs: number | null;
  readonly failingSinceMs: number | null;
};

export type RepositoryStatus = {
  readonly name: string;
  readonly genesis: string;
  readonly path: string;
  readonly followedTip: string | null;
  readonly offeredTip: string | null;
  readonly refused: Refusal | null;
  readonly fetch: Freshness;
  /** Of this process: whoever asks for a run waits until one that began afterwards has finished. */
  readonly runs: { readonly started: number; readonly finished: number };
  /** Revision whose resources are served. */
  readonly appliedRevision: string | null;
  /** The last attempt's operational failure; null when it went well. What is served stays served. */
  readonly failure: (OperationalFailure & { readonly stage: string; readonly sinceMs: number }) | null;
  readonly stages: Stages;
  readonly conditions: readonly Condition[];
  readonly scopes: readonly ScopeStatus[];
  readonly problems: readonly Problem[];
};

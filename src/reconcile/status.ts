import type { Problem } from '../base/problem.ts';
import type { Hold, LineageEntry } from '../governance/index.ts';
import type { ApiStatus } from '../mesh/index.ts';

export type ConditionType =
  | 'Ready'
  | 'SourceVerified'
  | 'QuorumMet'
  | 'Valid'
  | 'Translated'
  | 'Distributed'
  /** There only where it is so. */
  | 'Suspended'
  /** There only where it is not so: other replicas derive something else (G20), or cannot be asked. */
  | 'Witnessed';

/** kstatus style: `reason` is one CamelCase word for programs, `message` a sentence for people. */
export type Observation = {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  /** The main-line commit that this was observed at; null before the first. */
  readonly observedRevision: string | null;
};

/** When `status` became what it is, as this process saw it; milliseconds since the epoch. */
export type Condition = Observation & { readonly lastTransitionMs: number };

/** Main-line commits; null before the first. What is served is always verified, and all that was verified was attempted. */
type Revisions = {
  /** The last one that was offered: of a scope, with which a change of it was judged, whatever came of it. */
  readonly attempted: string | null;
  /** The last one that was followed: of a scope, with which a change of it was accepted. */
  readonly verified: string | null;
  /** The one that is served; of a scope of which nothing is served, null. */
  readonly applied: string | null;
};

/** When a change passed each stage, in milliseconds since the epoch; null: not yet, or not in this process. */
export type Timeline = {
  /** The followed tip with which it came. */
  readonly revision: string;
  /** Trace id of the run that found it. */
  readonly trace: string | null;
  /** The run that fetched it began. */
  readonly startedMs: number | null;
  readonly fetchedMs: number | null;
  readonly verifiedMs: number | null;
  /** Manifests are read and the mesh is built; snapshots are made on the way to the proxies. */
  readonly translatedMs: number | null;
  readonly pushedMs: number | null;
  /** Number of the push: a proxy has it all once its `fullyAcked.push` is not lower. */
  readonly push: number | null;
  /** By every proxy that was connected then. */
  readonly ackedMs: number | null;
};

/** The last entry of a scope's lineage, and what became of it in this process; a change from before a restart came with that. */
type LastChange = {
  readonly event: LineageEntry['event'];
  readonly seq: number;
  /** The main-line commit. */
  readonly commit: string;
  readonly timeline: Timeline | null;
};

/** Who has stopped changes, and until when. Milliseconds since the epoch; `untilMs` null: until somebody resumes. */
export type Brake = {
  readonly reason: string;
  readonly by: string;
  readonly atMs: number;
  readonly untilMs: number | null;
};

export type ScopeStatus<C = Condition> = {
  readonly repository: string;
  readonly uid: string;
  /** Dotted scope path. */
  readonly path: string;
  readonly directory: string;
  /** Of what is withdrawn, or was once, nothing is served. */
  readonly status: 'Live' | 'Withdrawn' | 'Tombstone';
  readonly revisions: Revisions;
  readonly lastChange: LastChange;
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
  readonly conditions: readonly C[];
  /** Kept at a version by an operator; null: by nobody. */
  readonly suspended: Brake | null;
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

/** What is seen at one moment: no condition says yet since when. */
export type Report = RepositoryStatus<Observation>;

type OperationalFailure = {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
  readonly stage: string;
  readonly sinceMs: number;
  /** The remote wants not to be asked before, and is not; null: it did not say. */
  readonly untilMs: number | null;
};

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
  /** When the remote answered last, in milliseconds since the epoch. */
  readonly lastOkMs: number | null;
  /** Since a tip was fetched that was then judged and not refused: one that is refused, or that nothing came of, renews nothing. */
  readonly ageMs: number | null;
  readonly failingSinceMs: number | null;
  /** How often the remote is looked at. */
  readonly pollMs: number;
};

export type RepositoryStatus<C = Condition> = {
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
  readonly failure: OperationalFailure | null;
  readonly stages: Stages;
  /** The whole repository: its remote is not looked at, and nothing of it changes. */
  readonly suspended: Brake | null;
  readonly revisions: Revisions;
  /** The last change of any scope; null before the first. */
  readonly timeline: Timeline | null;
  /** Trace id of the last run that changed something or failed; null before the first of this process. */
  readonly trace: string | null;
  readonly conditions: readonly C[];
  readonly scopes: readonly ScopeStatus<C>[];
  readonly problems: readonly Problem[];
};

import type { Problem } from '../base/problem.ts';
import type { LineState, Pin } from '../governance/index.ts';
import type { Built } from '../mesh/index.ts';
import type { Apart, KeptScope } from './kept.ts';
import type { Refusal, RepositoryStatus, Stages } from './status.ts';
import type { Suspension } from './suspension.ts';
import type { Timelines } from './timelines.ts';

/** What a loop has learned in its runs. */
export type Learned = {
  readonly followedTip: string | null;
  readonly state: LineState | null;
  readonly offeredTip: string | null;
  readonly refused: Refusal | null;
  /** The remote offers less than what is followed. */
  readonly stale: boolean;
  readonly fetchOkMs: number | null;
  /** When the tip was fetched that was judged, not refused, and served last; by the steady clock. */
  readonly verifiedSteadyMs: number | null;
  readonly runs: RepositoryStatus['runs'];
  readonly failure: RepositoryStatus['failure'];
  readonly appliedRevision: string | null;
  /** By uid: scopes served from their last good resources, and why; as far as the repository itself can say. */
  readonly outOfSync: ReadonlyMap<string, string>;
  /** By uid: scopes that are kept at a version, and what is served of them. */
  readonly kept: ReadonlyMap<string, KeptScope>;
  readonly problems: readonly Problem[];
  /** Null: nothing is. */
  readonly built: Pick<Built, 'mesh'> | null;
  /** Why the mesh as a whole could not be built; null when it was. */
  readonly notBuilt: string | null;
  readonly stages: Stages;
  readonly trace: RepositoryStatus['trace'];
};

/** The status is a pure function of these, of the proxies, and of the time: what was learned, and what is so at this moment. */
export type Facts = Learned & {
  readonly name: string;
  readonly pin: Pin;
  /** How long ago a tip was fetched that was then judged and not refused, whatever the clock was set to since. */
  readonly verifiedAgeMs: number | null;
  /** How often it is to be. */
  readonly pollMs: number;
  /** By uid: the number at which each scope is served, of which anything is. */
  readonly applied: ReadonlyMap<string, number>;
  /** By uid: what the scopes of all repositories together leave out of it, and why. */
  readonly leftOut: ReadonlyMap<string, string>;
  readonly timelines: Pick<Timelines, 'of' | 'last'>;
  /** The push that had it; null before, and while another repository has nothing to serve yet. */
  readonly push: number | null;
  /** Of the whole repository. */
  readonly suspension: Suspension | null;
  /** From other replicas. */
  readonly apart: Apart | null;
  /** By proxy id. */
  readonly untranslated: ReadonlyMap<string, string>;
};

export const NO_STAGES: Stages = { fetchMs: null, verifyMs: null, translateMs: null, ackMs: null };

/** Before the first run. */
export const NOTHING_LEARNED: Learned = {
  followedTip: null,
  state: null,
  offeredTip: null,
  refused: null,
  stale: false,
  fetchOkMs: null,
  verifiedSteadyMs: null,
  runs: { started: 0, finished: 0 },
  failure: null,
  appliedRevision: null,
  outOfSync: new Map(),
  kept: new Map(),
  problems: [],
  built: null,
  notBuilt: null,
  stages: NO_STAGES,
  trace: null,
};

/** By uid: what a scope says of itself goes before what others leave out of it. */
export function allOutOfSync({
  outOfSync,
  leftOut,
}: Pick<Facts, 'outOfSync' | 'leftOut'>): ReadonlyMap<string, string> {
  return leftOut.size === 0 ? outOfSync : new Map([...leftOut, ...outOfSync]);
}

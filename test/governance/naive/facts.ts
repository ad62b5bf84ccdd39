import type { LineState, ScopeState } from '../../../src/governance/index.ts';
import type { Repository } from './repository.ts';
import type { Scope, State, Vote } from './state.ts';

/** What both implementations must say of a scope. */
export type Facts = {
  readonly seq: number;
  readonly digest: string;
  /** The main-line commit of the epoch. */
  readonly epoch: string;
  /** Null for the dead. */
  readonly place: string | null;
  readonly held: boolean;
  /** Who counted for the latest mutation: side and anchor. */
  readonly counted: readonly string[];
};

export function realFacts({ scopes }: LineState): Readonly<Record<string, Facts>> {
  return Object.fromEntries([...scopes].map(([uid, scope]) => [uid, realScope(scope)]));
}

function realScope({ seq, accepted, epoch, hold, lineage, directory, status }: ScopeState): Facts {
  const last = lineage.findLast(({ event }) => event === 'accepted');
  const counted = (last?.votes ?? []).map(({ anchor, policy }) => `${policy} ${anchor}`);
  const isGone = status === 'Tombstone';
  return {
    seq,
    digest: isGone ? 'gone' : accepted.digest,
    epoch: epoch.commit,
    place: isGone ? null : directory,
    held: hold !== null,
    counted: [...new Set(counted)].sort(),
  };
}

export function naiveFacts(state: State, main: readonly string[]): Readonly<Record<string, Facts>> {
  return Object.fromEntries([...state].map(([uid, scope]) => [uid, naiveScope(scope, main)]));
}

function naiveScope(
  { seq, digest, epoch, place, isHeld, isLive, last }: Scope,
  main: readonly string[],
): Facts {
  const counted = (last?.votes ?? []).map(({ anchor, side }: Vote) => `${side} ${anchor}`);
  return {
    seq,
    digest,
    epoch: main[epoch] ?? '',
    place: isLive ? place : null,
    held: isHeld,
    counted: [...new Set(counted)].sort(),
  };
}

/** The first-parent chain from the genesis to a tip. */
export function mainLine({ commits }: Repository, genesis: string, tip: string): readonly string[] {
  const chain = [tip];
  for (let id = tip; id !== genesis; ) {
    id = commits.get(id)?.parents[0] ?? genesis;
    chain.unshift(id);
  }
  return chain;
}

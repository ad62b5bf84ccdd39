import { type Commit, commitOf, lineOf } from './history.ts';
import { judge } from './judge.ts';
import { join, type Own, own, uidOf } from './own.ts';
import { parsePolicy } from './policy.ts';
import type { Scope, State } from './state.ts';

type Source = Parameters<typeof lineOf>[0];

/**
 * s(0) … s(N) of a tip, one main-line commit at a time, always. `known` keeps those of other tips: s(i) is the same for
 * every tip whose line goes through mi.
 */
export function states(source: Source, tip: string, known: Map<string, readonly State[]>): readonly State[] {
  const found = known.get(tip) ?? readStates(source, tip, known);
  known.set(tip, found);
  return found;
}

function readStates(source: Source, tip: string, known: Map<string, readonly State[]>): readonly State[] {
  const commit = commitOf(source.commits, tip);
  if (tip === source.genesis) return [genesis(commit)];
  const before = states(source, commit.parents[0] ?? '', known);
  return [...before, judge({ line: lineOf(source, tip), states: before }, commit)];
}

/** The scope at the pin's path and, recursively, every live `path` record: the pin is the approval. */
function genesis(commit: Commit): State {
  const scopes = new Map<string, Scope>();
  const add = (place: string, uid: string, parent: string | null): void => {
    const bytes = readable(commit, place);
    const policy = parsePolicy(bytes.files.get('scope.yaml'));
    if (policy === null) throw new Error(`the genesis has no policy at ${place}`);
    const common = { uid, parent, place, seq: 1, digest: bytes.digest, bytes, epoch: 0, policy };
    scopes.set(uid, { ...common, isLive: true, isHeld: false, last: null, counted: [] });
    for (const record of bytes.records)
      if (record.kind === 'live' && record.path !== null) add(join(place, record.path), record.uid, uid);
  };
  add('', uidOf(readable(commit, '')), null);
  return scopes;
}

function readable(commit: Commit, place: string): Own {
  const found = own(commit.files, place);
  if (found === null) throw new Error(`the genesis has nothing at ${place}`);
  return found;
}

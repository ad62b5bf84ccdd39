import type { ObjectId, Objects } from '../git/index.ts';
import { changes, classify, type FileChange } from './classify.ts';
import type { Line } from './line.ts';
import { threshold } from './policy.ts';
import type { Candidate, LineState, ScopeState } from './types.ts';

/** What `commit` would propose for a scope if it became the main line: always against the *accepted* state (G8). */
export type Proposal = {
  readonly scope: ScopeState;
  readonly outcome:
    | { readonly kind: 'clean' }
    | { readonly kind: 'unreadable'; readonly rule: string; readonly reason: string }
    | {
        readonly kind: 'candidate';
        readonly candidate: Candidate;
        readonly changes: readonly FileChange[];
        readonly needed: number;
      };
};

/** The candidates of every scope at `commit`, for `plan`, `approve` and `explain`. */
export async function propose(
  line: Line,
  objects: Objects,
  state: LineState,
  commit: ObjectId,
): Promise<readonly Proposal[]> {
  const { tree } = await objects.commit(commit);
  const proposals: Proposal[] = [];
  for (const scope of state.scopes.values()) {
    proposals.push({ scope, outcome: await outcomeOf(line, objects, scope, tree) });
  }
  return proposals;
}

async function outcomeOf(
  line: Line,
  objects: Objects,
  scope: ScopeState,
  tree: ObjectId,
): Promise<Proposal['outcome']> {
  const { commit, digest, directory } = scope.accepted;
  const next = await line.owns.own(tree, directory);
  if (!next.ok) return { kind: 'unreadable', rule: next.rule, reason: next.reason };
  if (next.digest === digest) return { kind: 'clean' };
  const base = await line.owns.own((await objects.commit(commit)).tree, directory);
  const difference = changes(base.ok ? base.files : [], next.files);
  const mutation = classify(difference);
  const candidate: Candidate = { class: mutation, seq: scope.seq + 1, base: digest, next: next.digest };
  const needed = threshold(scope.policy, mutation === 'mixed' ? 'update' : mutation);
  return { kind: 'candidate', candidate, changes: difference, needed };
}

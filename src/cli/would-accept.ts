import { createTreeDigests, type ObjectId } from '../git/index.ts';
import { type LineState, openLine, type ScopeState } from '../governance/index.ts';
import { threshold } from '../policy/index.ts';
import { signerOf } from '../signatures/index.ts';
import type { Clone } from './clone.ts';
import { type Fork, fork } from './graph.ts';
import { previewMerge } from './merge-preview.ts';
import { Refusal } from './refusal.ts';

/** What merging a branch would come to for one scope. */
export type Prospect = {
  readonly scope: string;
  readonly uid: string;
  /** `update`: both sides changed it since they parted, so that nobody can say what a merge would hold. */
  readonly verdict: 'accepted' | 'held' | 'clean' | 'update';
  readonly class: string | null;
  readonly seq: number;
  readonly next: string | null;
  readonly rule: string | null;
  readonly reason: string;
  readonly signed: readonly string[];
  readonly missing: readonly string[];
};

/** A commit of the branch that would be a mutation of its own if main stopped there (the limit of the implicit form). */
type Unfinished = { readonly scope: string; readonly anchor: string; readonly commit: ObjectId };

export type Outlook = {
  readonly prospects: readonly Prospect[];
  readonly unfinished: readonly Unfinished[];
  /** Held before, and not touched by the branch. */
  readonly heldAnyway: readonly string[];
};

/**
 * The verdicts on a merge of `branch` into the tip of `state`, by the very function that judges real ones. No merge is
 * made: a scope has the own tree of the branch where main left it alone since they parted.
 */
export async function wouldAccept(clone: Clone, state: LineState, branch: ObjectId): Promise<Outlook> {
  const forked = await fork(clone.backend, state.tip, branch);
  const [base] = forked.bases;
  if (base === undefined)
    throw new Refusal(
      'G9',
      'the branch has no commit in common with the main line: it is of another repository',
    );
  const preview = await previewMerge(clone.backend, base, state.tip, branch);
  const line = openLine(preview.objects, createTreeDigests(preview.objects), clone.pin);
  const merged = await line.state(preview.commit);
  if (!merged.ok) throw new Refusal(merged.rule, merged.reason);
  const prospects: Prospect[] = [];
  const heldAnyway: string[] = [];
  for (const after of merged.state.scopes.values()) {
    const before = state.scopes.get(after.uid) ?? null;
    const sides = await changedSides(clone, forked, state.tip, branch, before ?? after);
    const isTouched = before === null || sides.theirs || after.lineage.length > before.lineage.length;
    if (isTouched) prospects.push(sides.ours && sides.theirs ? notSaid(after) : prospectOf(before, after));
    else if (after.hold !== null) heldAnyway.push(after.path);
  }
  return { prospects, unfinished: await unfinished(clone, forked, state, branch), heldAnyway };
}

/** Which sides have changed the own tree of a scope since they parted, where they differ. */
async function changedSides(
  { line, backend }: Clone,
  { bases }: Fork,
  ours: ObjectId,
  theirs: ObjectId,
  scope: ScopeState,
): Promise<{ readonly ours: boolean; readonly theirs: boolean }> {
  const { directory } = scope;
  const shown = async (id: ObjectId) => {
    const own = await line.owns.own((await backend.commit(id)).tree, directory);
    return own.ok ? own.digest : `${own.rule} ${own.reason}`;
  };
  const [left, right] = [await shown(ours), await shown(theirs)];
  const from = await Promise.all(bases.map(shown));
  // Where both have the same, as after a squash, so has their merge.
  const mine = left !== right && from.some((old) => old !== left);
  return { ours: mine, theirs: from.some((old) => old !== right) };
}

function notSaid({ path, uid, seq }: ScopeState): Prospect {
  const reason = 'the branch and main have both changed it since they parted: update the branch';
  const nothing = { class: null, next: null, rule: null, signed: [], missing: [] };
  return { scope: path, uid, verdict: 'update', seq: seq + 1, reason, ...nothing };
}

function prospectOf(before: ScopeState | null, after: ScopeState): Prospect {
  const { path, uid, seq, hold, lineage } = after;
  const common = { scope: path, uid };
  if (hold !== null) {
    const { candidate, rule, reason, signed, missing } = hold;
    const facts = { class: candidate?.class ?? null, next: candidate?.next ?? null };
    return { ...common, verdict: 'held', seq: seq + 1, ...facts, rule, reason, signed, missing };
  }
  const nothing = { rule: null, missing: [] };
  const entry = lineage.at(-1);
  if (entry?.event !== 'accepted' || seq === before?.seq)
    return {
      ...common,
      verdict: 'clean',
      class: null,
      seq,
      next: null,
      reason: 'the accepted state',
      signed: [],
      ...nothing,
    };
  const signed = [...new Set(entry.votes.map(({ anchor }) => anchor))];
  const reason = `signed by ${signed.join(', ')}`;
  return {
    ...common,
    verdict: 'accepted',
    class: entry.class,
    seq,
    next: entry.next,
    reason,
    signed,
    ...nothing,
  };
}

/** With a threshold of one a plain signed commit is a mutation wherever main is moved to it, so half-done work is too. */
async function unfinished(
  { line, backend }: Clone,
  { fresh }: Fork,
  { scopes }: LineState,
  branch: ObjectId,
): Promise<readonly Unfinished[]> {
  const alone = [...scopes.values()].filter(
    ({ policy }) => threshold(policy, 'update') === 1 && policy.statements === 'Optional',
  );
  const found: Unfinished[] = [];
  const { tree } = await backend.commit(branch);
  for (const { path, policy, accepted } of alone) {
    const last = await line.owns.own(tree, accepted.directory);
    const shows = async (id: ObjectId | undefined) =>
      id === undefined ? null : line.owns.own((await backend.commit(id)).tree, accepted.directory);
    for (const { id, parents, signature } of [...fresh.values()].reverse()) {
      const keys = policy.anchors.flatMap((anchor) => anchor.keys);
      const key = signature === null ? null : signerOf(signature, keys);
      const anchor = policy.anchors.find((each) => key !== null && each.keys.includes(key));
      if (anchor === undefined) continue;
      const [own, old] = [await shows(id), await shows(parents[0])];
      if (own?.ok !== true || (last.ok && own.digest === last.digest)) continue;
      if (own.digest === accepted.digest || (old?.ok === true && old.digest === own.digest)) continue;
      found.push({ scope: path, anchor: anchor.name, commit: id });
    }
  }
  return found;
}

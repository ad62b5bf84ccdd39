import type { LineState, ScopeState } from '../governance/index.ts';
import type { Clone } from './clone.ts';
import { findScopeIfAny } from './scopes.ts';

type Delegation = Awaited<ReturnType<Clone['line']['owns']['delegations']>>[number];

/** What a name stands for, or has stood for. */
export type Resolved = {
  /** Null where it lives in a repository of its own, or never lived in this one. */
  readonly scope: ScopeState | null;
  /** The record that names it, and whose that is; null for the root. */
  readonly record: Delegation | null;
  readonly parent: ScopeState | null;
  /** Names that led on to another one, in order. */
  readonly forwards: readonly { readonly from: string; readonly to: string }[];
};

/** Follows a dotted path through the records of every scope on it, forwards included; null where it leads nowhere. */
export async function resolveName(clone: Clone, state: LineState, name: string): Promise<Resolved | null> {
  const forwards: { from: string; to: string }[] = [];
  for (let wanted = name; forwards.length <= MAX_FORWARDS; ) {
    const known = findScopeIfAny(state, wanted);
    if (known !== null && known.status !== 'Tombstone')
      return { ...(await placed(clone, state, known)), forwards };
    const found = await walk(clone, state, wanted);
    if (found === null) return known === null ? null : { ...(await placed(clone, state, known)), forwards };
    if (found.next === null) return { ...found, forwards };
    forwards.push({ from: found.next.from, to: found.next.to });
    wanted = found.next.wanted;
  }
  return null;
}

const MAX_FORWARDS = 16;

async function placed(clone: Clone, { scopes }: LineState, scope: ScopeState) {
  const parent = scopes.get(scope.parent ?? '') ?? null;
  const records = parent === null ? [] : await clone.line.owns.delegations(parent.accepted.tree);
  const record = records.find(({ uid, status }) => uid === scope.uid && status !== 'forward') ?? null;
  return { scope, record, parent };
}

type Step = {
  readonly scope: ScopeState | null;
  readonly record: Delegation | null;
  readonly parent: ScopeState | null;
  readonly next: { readonly from: string; readonly to: string; readonly wanted: string } | null;
};

/** From the root down by the names in the records; the first one that is not a living scope of this repository ends it. */
async function walk(clone: Clone, { scopes }: LineState, wanted: string): Promise<Step | null> {
  const names = wanted.split('.');
  let parent = [...scopes.values()].find((scope) => scope.parent === null && scope.name === names[0]) ?? null;
  for (let at = 1; at < names.length && parent !== null; at += 1) {
    const above: ScopeState = parent;
    const records = await clone.line.owns.delegations(above.accepted.tree);
    const named = records.filter(({ name }) => name === names[at]);
    const record = named.find(({ live }) => live) ?? named.at(-1);
    if (record === undefined) return null;
    const rest = names.slice(at + 1);
    if (record.forward !== null) {
      const from = names.slice(0, at + 1).join('.');
      const next = { from, to: record.forward, wanted: [record.forward, ...rest].join('.') };
      return { scope: null, record, parent: above, next };
    }
    const scope: ScopeState | null = scopes.get(record.uid) ?? null;
    if (rest.length === 0 || scope === null) return { scope, record, parent: above, next: null };
    parent = scope;
  }
  return null;
}

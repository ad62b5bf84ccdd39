import type { LineState, ScopeState } from '../../../src/governance/index.ts';
import { type Policy, threshold } from '../../../src/policy/index.ts';
import { commitOf, type Line, mainAt } from './history.ts';
import { join, type Own, own } from './own.ts';

/**
 * What must be true of every line, whatever the rules in detail are: `real` is s(0) … s(N) as the product says it. Each
 * function says what is broken, in words.
 */
export function broken(line: Line, real: readonly LineState[]): readonly string[] {
  const steps = real.slice(1).map((after, at) => ({ before: real[at] ?? after, after, index: at + 1 }));
  const last = real.slice(-1).flatMap(({ scopes }) => [...scopes.values()]);
  return [
    ...real.flatMap((state, index) => conservation(line, state, index)),
    ...steps.flatMap((step) => [...step.after.scopes.values()].flatMap((scope) => stepOf(line, step, scope))),
    ...last.flatMap((scope) => bijection(line, real, scope)),
  ];
}

type Step = { readonly before: LineState; readonly after: LineState; readonly index: number };

function acceptedOwn(line: Line, { accepted }: ScopeState): Own | null {
  return own(commitOf(line.commits, accepted.commit).files, accepted.directory);
}

/** Every path has one owner: a child lies where one live record of its parent says, and no two scopes at one place. */
function conservation(line: Line, { scopes }: LineState, index: number): readonly string[] {
  const found: string[] = [];
  const places = new Set<string>();
  const live = [...scopes.values()].filter(({ status }) => status !== 'Tombstone');
  for (const scope of live) {
    if (places.has(scope.directory)) found.push(`m${index}: two scopes at ${scope.directory}`);
    places.add(scope.directory);
    if (acceptedOwn(line, scope)?.digest !== scope.accepted.digest)
      found.push(`m${index}: the bytes of ${scope.path} are not where they are said to be`);
    const parent = scope.parent === null ? null : scopes.get(scope.parent);
    if (parent === null) continue;
    const records = parent === undefined ? [] : (acceptedOwn(line, parent)?.records ?? []);
    const mine = records.filter(
      ({ uid, kind, path }) =>
        uid === scope.uid &&
        (kind === 'live' || kind === 'withdrawn') &&
        join(parent?.directory ?? '', path ?? '') === scope.directory,
    );
    if (mine.length !== 1) found.push(`m${index}: ${mine.length} records say where ${scope.path} is`);
  }
  const files = mainAt(line, index).files;
  for (const scope of live.filter(({ hold }) => hold === null)) {
    const prefix = scope.directory === '' ? '' : `${scope.directory}/`;
    const below = [...places].filter((place) => place !== scope.directory && place.startsWith(prefix));
    for (const path of own(files, scope.directory)?.files.keys() ?? [])
      if (below.some((place) => `${prefix}${path}`.startsWith(`${place}/`)))
        found.push(`m${index}: ${scope.path} has ${path}, which is another scope's`);
  }
  return found;
}

/** Monotonic; no authority without an old quorum; no accepted state without its approvals. */
function stepOf(line: Line, { before, after, index }: Step, scope: ScopeState): readonly string[] {
  const earlier = before.scopes.get(scope.uid);
  if (earlier === undefined) return [];
  const { path } = scope;
  if (scope.seq === earlier.seq) {
    const isSame =
      scope.accepted.digest === earlier.accepted.digest &&
      scope.policy.digest === earlier.policy.digest &&
      scope.epoch.commit === earlier.epoch.commit;
    return isSame ? [] : [`m${index}: ${path} changed without a mutation`];
  }
  const entry = scope.lineage.at(-1);
  const found: string[] = [];
  if (scope.seq !== earlier.seq + 1)
    found.push(`m${index}: ${path} went from ${earlier.seq} to ${scope.seq}`);
  if (scope.epoch.commit !== after.tip)
    found.push(`m${index}: the epoch of ${path} is not the commit of its quorum`);
  if (entry?.event !== 'accepted' || entry.seq !== scope.seq || entry.base !== earlier.accepted.digest)
    found.push(`m${index}: the lineage of ${path} does not say what became of it`);
  const votes = entry?.votes ?? [];
  const arrived = line.below.get(after.tip);
  if (votes.some(({ commit }) => arrived?.has(commit) !== true))
    found.push(`m${index}: a vote of ${path} is not ≤ mi`);
  const needed =
    entry?.class === 'recover'
      ? (earlier.policy.recovery?.threshold ?? Infinity)
      : needs(earlier.policy, entry);
  const side = entry?.class === 'recover' ? 'recovery' : 'old';
  const names = new Set(votes.filter(({ policy }) => policy === side).map(({ anchor }) => anchor));
  if (names.size < needed) found.push(`m${index}: ${path} was changed by ${names.size} of ${needed}`);
  return found;
}

function needs(policy: Policy, entry: ScopeState['lineage'][number] | undefined): number {
  const mutation = entry?.class;
  if (mutation === undefined || mutation === null || mutation === 'mixed' || mutation === 'recover')
    return Infinity;
  return threshold(policy, mutation);
}

/** From git to the lineage and back: one entry for each main-line commit at which something changed, in their order. */
function bijection(line: Line, real: readonly LineState[], scope: ScopeState): readonly string[] {
  const at = new Map(scope.lineage.map((entry) => [entry.commit, entry]));
  const found: string[] =
    at.size === scope.lineage.length ? [] : [`${scope.path} has two entries for one commit`];
  const order = scope.lineage.map(({ commit }) => line.main.findIndex(({ id }) => id === commit));
  if (order.some((index, n) => index < 0 || index <= (order[n - 1] ?? -1)))
    found.push(`the lineage of ${scope.path} is not in the order of the line`);
  for (const [index, state] of real.entries()) {
    const [now, before] = [state.scopes.get(scope.uid), real[index - 1]?.scopes.get(scope.uid)];
    if (now === undefined || before === undefined) continue;
    const entry = at.get(state.tip);
    const view = ({ landed, seq, accepted, hold }: ScopeState) =>
      JSON.stringify([
        landed,
        seq,
        accepted.digest,
        hold?.rule,
        hold?.reason,
        hold?.votes,
        hold?.candidate,
        hold?.group,
        hold?.competing,
      ]);
    const isChanged = view(now) !== view(before) || (entry?.withdrawals.length ?? 0) > 0;
    if (isChanged !== (entry !== undefined))
      found.push(
        `m${index}: ${scope.path} ${isChanged ? 'changed without an entry' : 'has an entry without a change'}`,
      );
  }
  return found;
}

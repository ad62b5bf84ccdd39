import type { Fact } from './events.ts';
import type { RepositoryView, ScopeView } from './views.ts';

/** What became different between two looks at the status of a repository; null: the first look. */
export function changes(before: RepositoryView | null, now: RepositoryView): readonly Fact[] {
  const about = { repository: now.name, revision: now.followedTip, trace: now.trace };
  return [...ofRepository(before, now), ...(before === null ? [] : ofScopes(before, now))].map((fact) => ({
    ...about,
    ...fact,
  }));
}

function* ofRepository(before: RepositoryView | null, now: RepositoryView): Generator<Fact> {
  const { followedTip, refused, failure } = now;
  if (followedTip !== null && followedTip !== before?.followedTip)
    yield { type: 'followed', message: `${now.name} is at ${followedTip}` };
  if (refused !== null && refused.tip !== before?.refused?.tip)
    yield { type: 'refused', revision: refused.tip, message: `${refused.rule}: ${refused.reason}` };
  if (failure !== null && failure.code !== before?.failure?.code)
    yield { type: 'failed', message: `${failure.stage}: ${failure.code}: ${failure.message}` };
  if (failure === null && before !== null && before.failure !== null)
    yield { type: 'recovered', message: `after ${before.failure.code}` };
  if (refused === null && before !== null && before.refused !== null)
    yield { type: 'recovered', message: `${before.refused.tip} is not offered any more` };
  yield* staleFact(before, now);
  const fault = (of: RepositoryView | null) => faultOf(of?.conditions ?? [], OF_REPOSITORY);
  yield* healthFact(fault(before), fault(now));
}

/** Where the remote fails, or offers what is refused, nobody knows what else it has: that is told for itself. */
function* staleFact(before: RepositoryView | null, now: RepositoryView): Generator<Fact> {
  const stale = (of: RepositoryView | null) => of?.conditions.find(({ reason }) => reason === 'Stale');
  const [old, found] = [stale(before), stale(now)];
  if (old === undefined && found !== undefined) yield { type: 'stale', message: found.message };
  if (old !== undefined && found === undefined && now.failure === null && now.refused === null)
    yield { type: 'recovered', message: 'the remote offers what is followed again' };
}

function* ofScopes(before: RepositoryView, now: RepositoryView): Generator<Fact> {
  if (before.scopes === now.scopes) return;
  const known = finderOf(before.scopes);
  for (const [at, scope] of now.scopes.entries()) {
    const old = known(scope.uid, at);
    if (old === scope) continue;
    if (old === undefined) yield { type: 'scope-added', scope: scope.path, message: `seq ${scope.seq}` };
    else for (const fact of ofScope(old, scope)) yield { scope: scope.path, ...fact };
  }
}

/** By uid, and where it stood last, which is mostly where it stands. */
function finderOf(scopes: RepositoryView['scopes']): (uid: string, at: number) => ScopeView | undefined {
  let byUid: ReadonlyMap<string, ScopeView> | null = null;
  return (uid, at) => {
    const there = scopes[at];
    if (there?.uid === uid) return there;
    byUid ??= new Map(scopes.map((scope) => [scope.uid, scope]));
    return byUid.get(uid);
  };
}

function* ofScope(old: ScopeView, scope: ScopeView): Generator<Fact> {
  const { status, seq, hold, conditions } = scope;
  if (status === 'Tombstone') {
    if (old.status !== 'Tombstone') yield { type: 'scope-ended', message: `it was at seq ${seq}` };
    return;
  }
  if (seq !== old.seq) yield { type: 'accepted', message: `seq ${seq}` };
  if (hold !== null && (hold.rule !== old.hold?.rule || hold.reason !== old.hold.reason))
    yield { type: 'held', message: faultOf(conditions, ['QuorumMet'])?.message ?? hold.reason };
  if (hold === null && old.hold !== null) yield { type: 'released', message: `seq ${seq}` };
  const fault = (of: ScopeView) => faultOf(of.conditions, OF_SCOPE);
  yield* healthFact(fault(old), fault(scope));
}

/** What goes wrong in a scope by itself: the rest of its conditions is that of its repository, and is told of that, once. */
const OF_SCOPE = ['Valid', 'Distributed', 'Witnessed'];
/** Of the rest, what `refused` and `failed`, `nack` and `connected` do not tell. */
const OF_REPOSITORY = ['Translated'];

type Condition = ScopeView['conditions'][number];

function faultOf(conditions: readonly Condition[], types: readonly string[]): Condition | null {
  return conditions.find(({ type, status }) => status === 'False' && types.includes(type)) ?? null;
}

function* healthFact(before: Condition | null, now: Condition | null): Generator<Fact> {
  if (before === null && now !== null)
    yield { type: 'health', message: `Healthy to Degraded: ${now.reason}: ${now.message}` };
  if (before !== null && now === null)
    yield { type: 'health', message: `Degraded to Healthy: no more ${before.reason}` };
}

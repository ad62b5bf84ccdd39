import type { LineState } from '../governance/index.ts';
import type { Apart, KeptScope } from './kept.ts';
import type { Brake, Observation } from './status.ts';
import { type Suspension, suspensionText } from './suspension.ts';

type Kept = {
  readonly suspension: Suspension | null;
  readonly kept: ReadonlyMap<string, KeptScope>;
  readonly apart: Apart | null;
};

/** Of a scope: only where it is kept, so that who looks for it finds those alone. */
export function keptConditions(
  { from, seq, served, suspension, replicas }: KeptScope,
  newest: number,
  at: string | null,
): readonly Observation[] {
  const same = `seq ${served.seq} is served, and is the newest`;
  const texts: Readonly<Record<KeptScope['from'], string>> = {
    newest: same,
    lineage: `seq ${served.seq} is served, seq ${newest} is accepted`,
    memory: `seq ${served.seq} is served from memory, seq ${newest} is accepted`,
    lost: `seq ${seq} is nowhere any more: seq ${served.seq} is served, the newest`,
  };
  const others = `other replicas derive something else: ${namesText(replicas)}`;
  const differs = replicas.length === 0 ? [] : [differing(`${others} (${texts[from]})`, at)];
  if (suspension === null) return differs;
  const reason = from === 'lost' ? 'VersionLost' : 'Suspended';
  return [suspended(reason, `${suspensionText(suspension)} (${texts[from]})`, at), ...differs];
}

/** Of a repository: it as a whole, or scopes of it. */
export function keptIn(facts: Kept, state: LineState | null): readonly Observation[] {
  return [...suspendedIn(facts, state), ...witnessed(facts, state)];
}

function suspendedIn({ suspension, kept }: Kept, state: LineState | null): readonly Observation[] {
  const at = state?.tip ?? null;
  if (suspension !== null) {
    const message = `${suspensionText(suspension)} (its remote is not looked at)`;
    return [suspended('Suspended', message, at)];
  }
  const paths = [...kept].flatMap(([uid, scope]) =>
    scope.suspension === null ? [] : [state?.scopes.get(uid)?.path ?? uid],
  );
  if (paths.length === 0) return [];
  return [suspended('ScopesSuspended', `suspended: ${paths.join(', ')}`, at)];
}

/** G20. Without Redis nothing is compared, which is no fault of what is served. */
function witnessed({ apart }: Kept, state: LineState | null): readonly Observation[] {
  const at = state?.tip ?? null;
  if (apart === null) return [];
  if (apart.reason === 'WithoutRedis') {
    const { code, message, fix } = apart.failure;
    const text = `this replica goes on without Redis (${code}: ${message}): ${fix}`;
    return [
      { type: 'Witnessed', status: 'Unknown', reason: apart.reason, message: text, observedRevision: at },
    ];
  }
  const { replicas, elsewhere, scopes, unknown } = apart.differing;
  const paths = [...scopes.keys()].map((uid) => state?.scopes.get(uid)?.path ?? uid);
  const more = unknown === 0 ? [] : [`${unknown} that are not known here`];
  const what = [...(paths.length === 0 ? [] : [namesText(paths)]), ...more].join(', and ');
  const here = replicas.filter((replica) => !elsewhere.includes(replica));
  const same = `from the same tip other replicas (${namesText(here)}) derive something else`;
  const other = `other replicas (${namesText(elsewhere)}) follow another line`;
  const said = [...(here.length > 0 ? [same] : []), ...(elsewhere.length > 0 ? [other] : [])].join(', and ');
  const nothing = elsewhere.length > 0 ? 'no scope is known to differ' : 'they have not shown what';
  return [differing(`${said}: ${what === '' ? nothing : what}`, at)];
}

const MAX_NAMES = 20;

function namesText(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  return [...names.slice(0, MAX_NAMES), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

function differing(message: string, observedRevision: string | null): Observation {
  return { type: 'Witnessed', status: 'False', reason: 'ReplicasDiffer', message, observedRevision };
}

function suspended(reason: string, message: string, observedRevision: string | null): Observation {
  return { type: 'Suspended', status: 'True', reason, message, observedRevision };
}

export function brakeOf(suspension: Suspension | null): Brake | null {
  if (suspension === null) return null;
  const { reason, by, atMs, untilMs } = suspension;
  return { reason, by, atMs, untilMs };
}

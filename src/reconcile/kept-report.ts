import type { LineState } from '../governance/index.ts';
import type { KeptScope } from './kept.ts';
import type { Brake, Observation } from './status.ts';
import { type Suspension, suspensionText } from './suspension.ts';

type Kept = { readonly suspension: Suspension | null; readonly kept: ReadonlyMap<string, KeptScope> };

/** Of a scope: only where it is kept, so that who looks for it finds those alone. */
export function keptConditions(
  { from, seq, served, suspension }: KeptScope,
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
  if (suspension === null) return [];
  const reason = from === 'lost' ? 'VersionLost' : 'Suspended';
  return [suspended(reason, `${suspensionText(suspension)} (${texts[from]})`, at)];
}

/** Of a repository: it as a whole, or scopes of it. */
export function suspendedIn({ suspension, kept }: Kept, state: LineState | null): readonly Observation[] {
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

function suspended(reason: string, message: string, observedRevision: string | null): Observation {
  return { type: 'Suspended', status: 'True', reason, message, observedRevision };
}

export function brakeOf(suspension: Suspension | null): Brake | null {
  if (suspension === null) return null;
  const { reason, by, atMs, untilMs } = suspension;
  return { reason, by, atMs, untilMs };
}

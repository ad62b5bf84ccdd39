import type { LineState, ScopeState } from './types.ts';

/**
 * A state as plain data, for people and other programs. `verify -o json` prints it, and a server answers with it:
 * the same bytes for the same history, on every machine.
 */
export function verification(state: LineState): Readonly<Record<string, unknown>> {
  const { pin, tip, index, scopes } = state;
  return {
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'Verification',
    genesis: pin.commit,
    path: pin.path,
    tip,
    index,
    scopes: [...scopes.values()].map(scopeFacts),
  };
}

/** The bytes of a verification: JSON with the keys in the order above, two spaces, one LF at the end. */
export function formatVerification(state: LineState): string {
  return `${JSON.stringify(verification(state), null, 2)}\n`;
}

function scopeFacts(scope: ScopeState): Readonly<Record<string, unknown>> {
  const { uid, path, directory, status, seq, accepted, landed, epoch, hold, lineage, unproven } = scope;
  return {
    path,
    uid,
    directory,
    seq,
    status,
    state: status === 'Tombstone' ? 'Gone' : hold === null ? 'Accepted' : 'Held',
    accepted: { digest: accepted.digest, commit: accepted.commit },
    landed,
    epoch: epoch.commit,
    policy: scope.policy.digest,
    hold,
    lineage,
    predecessors: scope.predecessors,
    successors: scope.successors,
    unproven,
  };
}

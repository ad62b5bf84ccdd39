import { at, payloadOf } from './payload.ts';
import type { Delivery, Event, Provider } from './provider.ts';
import { afterSha256, isBodySigned } from './signed.ts';

/** Bitbucket Cloud and Data Center, as "Event payloads" of their documentation have it. */
export const bitbucket: Provider = {
  name: 'bitbucket',
  signedIn: ['x-hub-signature'],
  isAuthentic: ({ header, body }, secret) =>
    isBodySigned(body, secret, afterSha256(header('x-hub-signature'))),
  deliveryId: ({ header }) => header('x-request-uuid') || header('x-request-id'),
  event(delivery): Event {
    const kind = delivery.header('x-event-key');
    if (kind === 'diagnostics:ping') return { kind: 'ping' };
    const isPush = kind === 'repo:push' || kind === 'repo:refs_changed';
    return isPush ? { kind: 'push', branches: branchesOf(delivery) } : { kind: 'other' };
  },
};

/** Cloud: `push.changes[].new`, null where a branch is gone; Data Center: `changes[].ref`. One push can move several. */
function branchesOf(delivery: Delivery): readonly string[] | null {
  const payload = payloadOf(delivery);
  const changes = at(payload, 'push', 'changes') ?? at(payload, 'changes');
  if (!Array.isArray(changes) || changes.length === 0) return null;
  const names = changes.map(
    (change) => at(change, 'new', 'name') ?? at(change, 'old', 'name') ?? at(change, 'ref', 'displayId'),
  );
  return names.every((name) => typeof name === 'string') ? names : null;
}

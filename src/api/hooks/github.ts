import { branchesOfRef } from './payload.ts';
import type { Event, Provider } from './provider.ts';
import { afterSha256, isBodySigned } from './signed.ts';

/** GitHub, as "Webhook events and payloads" and "Validating webhook deliveries" of its documentation have it. */
export const github: Provider = {
  name: 'github',
  signedIn: ['x-hub-signature-256'],
  isAuthentic: ({ header, body }, secret) =>
    isBodySigned(body, secret, afterSha256(header('x-hub-signature-256'))),
  deliveryId: ({ header }) => header('x-github-delivery'),
  event(delivery): Event {
    const kind = delivery.header('x-github-event');
    if (kind === 'ping') return { kind };
    return kind === 'push' ? { kind, branches: branchesOfRef(delivery) } : { kind: 'other' };
  },
};

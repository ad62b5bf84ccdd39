import { at, branchesOfRef, payloadOf } from './payload.ts';
import type { Event, Provider } from './provider.ts';
import { isSameText, isSigningSecret, isStandardSigned } from './signed.ts';

/**
 * GitLab, as "Webhooks" of its documentation has it. A secret `whsec_…` is a signing token and only ever signs; any other is
 * the secret token that GitLab sends as it stands, which is why the other is better.
 */
export const gitlab: Provider = {
  name: 'gitlab',
  signedIn: ['x-gitlab-token', 'webhook-signature'],
  isAuthentic: (delivery, secret) =>
    isSigningSecret(secret)
      ? isStandardSigned(delivery, secret)
      : isSameText(secret, delivery.header('x-gitlab-token')),
  deliveryId: ({ header }) =>
    header('webhook-id') || header('idempotency-key') || header('x-gitlab-event-uuid'),
  event(delivery): Event {
    const kind = at(payloadOf(delivery), 'object_kind') ?? at(payloadOf(delivery), 'event_name');
    const isPush = kind === 'push' || delivery.header('x-gitlab-event') === 'Push Hook';
    return isPush ? { kind: 'push', branches: branchesOfRef(delivery) } : { kind: 'other' };
  },
};

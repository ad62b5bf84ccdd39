import { branchesOfRef } from './payload.ts';
import type { Delivery, Event, Provider } from './provider.ts';
import { isBodySigned } from './signed.ts';

/** Gitea and Forgejo, as "Webhooks" of their documentation has it: Forgejo sends its own headers beside those of Gitea. */
function createProvider(name: 'gitea' | 'forgejo'): Provider {
  const either = ({ header }: Delivery, what: string) =>
    header(`x-${name}-${what}`) || header(`x-gitea-${what}`);
  return {
    name,
    signedIn: [...new Set([`x-${name}-signature`, 'x-gitea-signature'])],
    isAuthentic: (delivery, secret) => isBodySigned(delivery.body, secret, either(delivery, 'signature')),
    deliveryId: (delivery) => either(delivery, 'delivery'),
    event: (delivery): Event =>
      either(delivery, 'event') === 'push'
        ? { kind: 'push', branches: branchesOfRef(delivery) }
        : { kind: 'other' },
  };
}

export const gitea = createProvider('gitea');
export const forgejo = createProvider('forgejo');

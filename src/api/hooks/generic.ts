import type { Provider } from './provider.ts';
import { afterSha256, isBodySigned } from './signed.ts';

/** Anybody's script: `X-Signature: sha256=<hex HMAC-SHA256 of the body>`, and `X-Delivery` if it delivers again. */
export const generic: Provider = {
  name: 'generic',
  signedIn: ['x-signature'],
  isAuthentic: ({ header, body }, secret) => isBodySigned(body, secret, afterSha256(header('x-signature'))),
  deliveryId: ({ header }) => header('x-delivery'),
  event: () => ({ kind: 'push', branches: null }),
};

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Delivery } from './provider.ts';

/** `hex` is the HMAC-SHA256 of the body; in constant time, also for a text that is no such digest. */
export function isBodySigned(body: Buffer, secret: string, hex: string): boolean {
  return isSameText(createHmac('sha256', secret).update(body).digest('hex'), hex.toLowerCase());
}

/** Compares digests, so that neither the length nor the place of a difference shows in the time it takes. */
export function isSameText(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/** What stands behind `sha256=`; '' where the header has another form. */
export function afterSha256(header: string): string {
  return header.startsWith('sha256=') ? header.slice('sha256='.length) : '';
}

const TOLERANCE_MS = 300_000;

/** What a secret looks like that signs by Standard Webhooks: 24 to 64 bytes in base64. */
const SIGNING_SECRET = /^whsec_([A-Za-z0-9+/]{32,88}={0,2})$/;

export function isSigningSecret(secret: string): boolean {
  return SIGNING_SECRET.test(secret);
}

/**
 * Standard Webhooks 1.0: one of `webhook-signature` is `v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`, and the
 * timestamp, in seconds, is at most five minutes away. It is signed as it was written, so its text is not made anew.
 */
export function isStandardSigned({ header, body, nowMs }: Delivery, secret: string): boolean {
  const key = Buffer.from(SIGNING_SECRET.exec(secret)?.[1] ?? '', 'base64');
  const id = header('webhook-id');
  const timestamp = header('webhook-timestamp');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
  const given = header('webhook-signature').split(' ').slice(0, MAX_SIGNATURES);
  const matches = given.filter((one) => isSameText(`v1,${expected}`, one)).length > 0;
  const isTimely =
    /^\d{1,12}$/.test(timestamp) && Math.abs(nowMs - Number(timestamp) * 1_000) <= TOLERANCE_MS;
  return matches && isTimely && isSigningSecret(secret) && id !== '';
}

/** Rotation has two; more would only cost time. */
const MAX_SIGNATURES = 8;

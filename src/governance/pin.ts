import { validatePin } from '../generated/schemas/validators.js';
import { schemaMistake } from '../policy/index.ts';
import type { Pin } from './types.ts';

export type ParsedPin =
  | { readonly ok: true; readonly pin: Pin }
  | { readonly ok: false; readonly reason: string };

/** The pin in the text of a pin file, closed at every level: what is not understood is not trusted. */
export function parsePin(text: string): ParsedPin {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, reason: 'it is not JSON' };
  }
  if (!validatePin(value)) return { ok: false, reason: schemaMistake(validatePin.errors) };
  const { commit, path, uid, seq, digests, tip } = value as Pin;
  return { ok: true, pin: { commit, path, uid, seq, digests, ...(tip === undefined ? {} : { tip }) } };
}

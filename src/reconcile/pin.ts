import { Failure } from '../base/failure.ts';
import type { Pin } from '../governance/index.ts';
import type { Files } from './files.ts';

/** Reads what `fairlead trust` wrote. Throws `Failure` `pin-missing | pin-invalid`: without a pin nothing is believed. */
export async function readPin(files: Files, file: string): Promise<Pin> {
  const text = await files.read(file);
  const fix = 'write it with `fairlead trust`, after comparing what it shows with what the anchors told you';
  if (text === null) throw new Failure('pin-missing', `there is no pin at ${file}`, fix);
  const pin = parsePin(text);
  if (pin === null) throw new Failure('pin-invalid', `${file} is not a whole pin`, fix);
  return pin;
}

function parsePin(text: string): Pin | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { apiVersion, kind, commit, path, uid, seq, digests, ...rest } = value as Record<string, unknown>;
  if (apiVersion !== 'fairlead.dev/v1alpha1' || kind !== 'Pin' || typeof path !== 'string') return null;
  if (Object.keys(rest).length > 0) return null; // What is not understood is not trusted.
  if (!isHex(commit, 40) || !isHex(uid, 64) || !Number.isSafeInteger(seq)) return null;
  if (typeof digests !== 'object' || digests === null) return null;
  const pairs = Object.entries(digests);
  if (!pairs.every(([key, digest]) => isHex(key, 64) && isHex(digest, 64))) return null;
  return { commit, path, uid, seq: Number(seq), digests: Object.fromEntries(pairs) };
}

function isHex(value: unknown, digits: number): value is string {
  return typeof value === 'string' && value.length === digits && /^[0-9a-f]+$/.test(value);
}

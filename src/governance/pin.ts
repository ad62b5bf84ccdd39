import type { Pin } from './types.ts';

export type ParsedPin =
  | { readonly ok: true; readonly pin: Pin }
  | { readonly ok: false; readonly reason: string };

const API_VERSION = 'fairlead.dev/v1alpha1';

/** The pin in the text of a pin file, closed at every level: what is not understood is not trusted. */
export function parsePin(text: string): ParsedPin {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return no('it is not JSON');
  }
  if (!isRecord(value)) return no('it is not an object');
  const { apiVersion, kind, ...fields } = value;
  if (apiVersion !== API_VERSION || kind !== 'Pin') return no(`it is no ${API_VERSION} Pin`);
  return readFields(fields);
}

function readFields(fields: Readonly<Record<string, unknown>>): ParsedPin {
  const { commit, path, uid, seq, digests, tip, ...rest } = fields;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) return no(`unknown field ${unknown}`);
  if (!isHex(commit, 40)) return no('commit is not an object id');
  if (typeof path !== 'string') return no('path is missing');
  if (!isHex(uid, 64)) return no('uid is not a SHA-256');
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1)
    return no('seq is no positive integer');
  if (!areDigests(digests)) return no('digests is not a map of SHA-256 to SHA-256');
  if (tip === undefined) return { ok: true, pin: { commit, path, uid, seq, digests } };
  if (!isHex(tip, 40)) return no('tip is not an object id');
  return { ok: true, pin: { commit, path, uid, seq, digests, tip } };
}

function areDigests(value: unknown): value is Readonly<Record<string, string>> {
  return (
    isRecord(value) && Object.entries(value).every(([uid, digest]) => isHex(uid, 64) && isHex(digest, 64))
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isHex(value: unknown, digits: number): value is string {
  return typeof value === 'string' && value.length === digits && /^[0-9a-f]+$/.test(value);
}

function no(reason: string): ParsedPin {
  return { ok: false, reason };
}

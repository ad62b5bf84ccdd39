import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Failure } from '../base/failure.ts';
import type { Pin } from '../governance/index.ts';
import { API_VERSION } from './output.ts';

/** What a pin file holds; also the answer of `trust -o json`. */
export function pinDocument(pin: Pin) {
  return { apiVersion: API_VERSION, kind: 'Pin', ...pin };
}

/** Reads a pin file, closed at every level: what is not understood is not trusted. */
export async function readPin(path: string): Promise<Pin> {
  const pin = await readPinIfAny(path);
  if (pin !== null) return pin;
  throw new Failure(
    'pin-missing',
    `no pin at ${path}`,
    'make one from a commit that you trust: fairlead trust <commit>',
  );
}

/** Null when there is no such file. Throws Failure pin-unreadable. */
export async function readPinIfAny(path: string): Promise<Pin | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unreadable(path, String(error));
  }
  return parsePin(path, text);
}

export async function writePin(path: string, pin: Pin): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(pinDocument(pin), null, 2)}\n`);
}

const HEX40 = /^[0-9a-f]{40}$/;
const HEX64 = /^[0-9a-f]{64}$/;

function parsePin(path: string, text: string): Pin {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable(path, 'it is not JSON');
  }
  if (typeof value !== 'object' || value === null) throw unreadable(path, 'it is not an object');
  const {
    apiVersion,
    kind,
    commit,
    path: mesh,
    uid,
    seq,
    digests,
    ...rest
  } = value as Record<string, unknown>;
  if (apiVersion !== API_VERSION || kind !== 'Pin') throw unreadable(path, `it is no ${API_VERSION} Pin`);
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) throw unreadable(path, `unknown field ${unknown}`);
  if (typeof commit !== 'string' || !HEX40.test(commit)) throw unreadable(path, 'commit is not an object id');
  if (typeof mesh !== 'string') throw unreadable(path, 'path is missing');
  if (typeof uid !== 'string' || !HEX64.test(uid)) throw unreadable(path, 'uid is not a SHA-256');
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq)) throw unreadable(path, 'seq is not a number');
  if (!areDigests(digests)) throw unreadable(path, 'digests is not a map of SHA-256 to SHA-256');
  return { commit, path: mesh, uid, seq, digests };
}

function areDigests(value: unknown): value is Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).every(([uid, digest]) => HEX64.test(uid) && HEX64.test(String(digest)));
}

function unreadable(path: string, reason: string): Failure {
  return new Failure('pin-unreadable', `${path}: ${reason}`, 'make it again: fairlead trust <commit>');
}

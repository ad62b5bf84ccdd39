import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Failure } from '../base/failure.ts';
import { type Pin, parsePin } from '../governance/index.ts';
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
  const parsed = parsePin(text);
  if (!parsed.ok) throw unreadable(path, parsed.reason);
  return parsed.pin;
}

export async function writePin(path: string, pin: Pin): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(pinDocument(pin), null, 2)}\n`);
}

function unreadable(path: string, reason: string): Failure {
  return new Failure('pin-unreadable', `${path}: ${reason}`, 'make it again: fairlead trust <commit>');
}

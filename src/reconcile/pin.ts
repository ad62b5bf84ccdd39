import { Failure } from '../base/failure.ts';
import { type Pin, parsePin } from '../governance/index.ts';
import type { Files } from './files.ts';

/** Reads what `fairlead trust` wrote. Throws `Failure` `pin-missing | pin-invalid`: without a pin nothing is believed. */
export async function readPin(files: Files, file: string): Promise<Pin> {
  const text = await files.read(file);
  const fix = 'write it with `fairlead trust`, after comparing what it shows with what the anchors told you';
  if (text === null) throw new Failure('pin-missing', `there is no pin at ${file}`, fix);
  const parsed = parsePin(text);
  if (!parsed.ok) throw new Failure('pin-invalid', `${file} is no pin: ${parsed.reason}`, fix);
  return parsed.pin;
}

import { Failure } from '../base/failure.ts';
import { type Pin, parsePin } from '../governance/index.ts';
import type { Files } from './files.ts';

const fix = 'write it with `fairlead trust`, after comparing what it shows with what the anchors told you';

/** Reads what `fairlead trust` wrote. Throws `Failure` `pin-missing | pin-unreadable | pin-invalid`: without a pin nothing is believed. */
export async function readPin(files: Files, file: string): Promise<Pin> {
  const text = await files.read(file).catch((error: unknown) => unreadable(file, error));
  if (text === null) throw new Failure('pin-missing', `there is no pin at ${file}`, fix);
  const parsed = parsePin(text);
  if (!parsed.ok) throw new Failure('pin-invalid', `${file} is no pin: ${parsed.reason}`, fix);
  return parsed.pin;
}

/** The port speaks of the data folder, where a pin does not have to be. */
function unreadable(file: string, error: unknown): never {
  const cause = error instanceof Failure ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : String(cause);
  if (code === 'EISDIR') {
    throw new Failure('pin-unreadable', `${file} is no pin: it is a folder`, 'name the file in --pin', {
      cause,
    });
  }
  const rights = 'let the server read it, or name another in --pin';
  throw new Failure('pin-unreadable', `${file} cannot be read: ${code}`, rights, { cause });
}

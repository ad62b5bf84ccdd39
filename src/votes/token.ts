import { sha256 } from '../base/digest.ts';
import { detachedSignature } from '../signatures/index.ts';
import { isStatementLine, readBlock, type Statement } from './statement.ts';

/** A detached statement (formats.md, Detached): lines and a signature over them, in whatever message they stand. */
export type Token = {
  /** Equal for equal texts. */
  readonly id: string;
  readonly statements: readonly Statement[];
  readonly signature: ReturnType<typeof detachedSignature>;
};

/** A run of the token's letters between white space: neither a part of a longer run, nor one in quotes. */
const RUN = /(?<![^ \t\r\n])fairlead1:([A-Za-z0-9_-]+):([A-Za-z0-9_-]+)(?![^ \t\r\n])/g;

/** What looks like a token in a raw message, in order; `readToken` says whether it is one. */
export function* tokenRuns(message: Uint8Array): Generator<string> {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  const at = bytes.indexOf('fairlead1:');
  if (at >= 0) for (const [run] of bytes.toString('latin1', Math.max(0, at - 1)).matchAll(RUN)) yield run;
}

export function carriesToken(message: Uint8Array): boolean {
  return tokenRuns(message).next().done !== true;
}

/**
 * The token that a run is, or null: canonical base64url, and nothing but statement lines, each with its LF. So an OpenPGP
 * signature, which has no namespace, is no token's if it was made for a commit: those bytes begin with `tree`.
 */
export function readToken(run: string): Token | null {
  const [, lines = '', signature = ''] = run.split(':');
  const [signed, blob] = [decode(lines), decode(signature)];
  if (signed === null || blob === null) return null;
  const written = signed.toString('latin1').split('\n');
  if (written.pop() !== '' || written.length === 0 || !written.every(isStatementLine)) return null;
  return { id: sha256(run), statements: readBlock(written), signature: detachedSignature(blob, signed) };
}

function decode(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}

/** The bytes that an anchor signs for a token: `ssh-keygen -Y sign -n fairlead`, or a binary OpenPGP signature. */
export function tokenBytes(lines: readonly string[]): Uint8Array {
  return Buffer.from(lines.map((line) => `${line}\n`).join(''));
}

/** `signature` without its armour: an SSHSIG blob, or one OpenPGP packet. */
export function formatToken(lines: readonly string[], signature: Uint8Array): string {
  const [signed, blob] = [tokenBytes(lines), signature].map((bytes) =>
    Buffer.from(bytes).toString('base64url'),
  );
  return `fairlead1:${signed}:${blob}`;
}

import { refuse } from './refusal.ts';

/** The bytes of an SSHSIG in the armour that `ssh-keygen -Y sign` writes; nothing else may stand around it (G13). */
export function dearmorSsh(armor: string): Uint8Array {
  return decodeBase64(inner(armor, 'SSH SIGNATURE'));
}

/**
 * The bytes of an ASCII-armoured OpenPGP block (RFC 9580 6.2): header lines, an empty line, base64, and a checksum
 * line, which must look like one and is not evaluated (6.1 forbids to reject by it).
 */
export function dearmorOpenpgp(armor: string, label: 'PGP SIGNATURE' | 'PGP PUBLIC KEY BLOCK'): Uint8Array {
  const lines = inner(armor, label);
  const blank = lines.indexOf('');
  if (blank < 0) refuse('armour without the empty line before its data');
  const headers = lines.slice(0, blank);
  if (!headers.every((line) => /^[^\s:]+: /.test(line))) refuse('armour with a malformed header line');
  const data = lines.slice(blank + 1);
  return decodeBase64(/^=[A-Za-z0-9+/]{4}$/.test(data.at(-1) ?? '') ? data.slice(0, -1) : data);
}

/** The lines between BEGIN and END, which are the first and the last; at most one line feed follows END. */
function inner(armor: string, label: string): readonly string[] {
  const lines = (armor.endsWith('\n') ? armor.slice(0, -1) : armor).split('\n');
  if (lines[0] !== `-----BEGIN ${label}-----`) refuse(`armour does not begin with BEGIN ${label}`);
  if (lines.length < 3 || lines.at(-1) !== `-----END ${label}-----`)
    refuse(`armour does not end with END ${label}`);
  return lines.slice(1, -1);
}

/** Canonical base64 in non-empty lines of any length: one text for one value. */
function decodeBase64(lines: readonly string[]): Uint8Array {
  if (lines.includes('')) refuse('armour with an empty line in its data');
  const text = lines.join('');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === 0 || bytes.toString('base64') !== text) refuse('armour that is not base64');
  return new Uint8Array(bytes);
}

import { refuse } from './refusal.ts';

/** The bytes of an SSHSIG in the armour that `ssh-keygen -Y sign` writes; nothing else may stand around it (G13). */
export function dearmorSsh(armor: string): Uint8Array {
  return decodeBase64(inner(armor, 'SSH SIGNATURE'));
}

/**
 * The bytes of an ASCII-armoured OpenPGP block (RFC 9580 6.2): header lines, an empty line, base64, and perhaps a
 * checksum line. A wrong one is refused, as by gpg, though 6.1 asks to pass over it: nothing honest has one.
 */
export function dearmorOpenpgp(armor: string, label: 'PGP SIGNATURE' | 'PGP PUBLIC KEY BLOCK'): Uint8Array {
  const lines = inner(armor, label);
  const blank = lines.indexOf('');
  if (blank < 0) refuse('armour without the empty line before its data');
  const headers = lines.slice(0, blank);
  if (!headers.every((line) => /^(Version|Comment|Charset|MessageID): /.test(line)))
    refuse('armour with a header line that is not Version, Comment, Charset or MessageID');
  const data = lines.slice(blank + 1);
  const [, checksum] = /^=([A-Za-z0-9+/]{4})$/.exec(data.at(-1) ?? '') ?? [];
  const bytes = decodeBase64(checksum === undefined ? data : data.slice(0, -1));
  if (checksum !== undefined && checksum !== crc24(bytes)) refuse('armour of which the checksum is wrong');
  return bytes;
}

/** Of a block that can be read. */
export function hasChecksum(armor: string): boolean {
  return /\n=[^\n]{4}\n-----END /.test(armor);
}

/** RFC 9580 6.1.1, in base64. */
function crc24(bytes: Uint8Array): string {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc << 1) ^ ((crc & 0x800000) === 0 ? 0 : 0x1864cfb);
  }
  return Buffer.from([crc >> 16, crc >> 8, crc]).toString('base64');
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

import { createHash } from 'node:crypto';
import type { SshKey } from './key.ts';
import { ascii, hex, Reader } from './reader.ts';
import { attempt, refuse } from './refusal.ts';

type ParsedSshKey =
  | { readonly ok: true; readonly key: SshKey }
  | { readonly ok: false; readonly reason: string };

/** Types that G13 allows and this version does not verify yet, so the reason is not "never". */
const planned = /^(ecdsa-sha2-nistp(256|384|521)|ssh-rsa|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)$/;

/** A key line as `ssh-keygen` writes it into `.pub`: `ssh-ed25519 AAAA… comment`, without options or line feed. */
export function parseSshKey(line: string): ParsedSshKey {
  const parsed = attempt(() => readLine(line));
  return parsed.ok ? { ok: true, key: parsed.value } : parsed;
}

function readLine(line: string): SshKey {
  const [, type = '', base64 = ''] =
    /^([a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})(?: [^\r\n\0]*)?$/.exec(line) ?? [];
  if (type === '') refuse('not an SSH public key line (type, base64, comment)');
  if (planned.test(type)) refuse(`SSH keys of type ${type} are not supported yet; use ssh-ed25519`);
  if (type !== 'ssh-ed25519') refuse(`SSH keys of type ${type} are not allowed; use ssh-ed25519`);
  const publicKey = Buffer.from(base64, 'base64');
  if (publicKey.toString('base64') !== base64) refuse('the SSH key is not base64');
  const fingerprint = createHash('sha256').update(publicKey).digest('base64').replace(/=+$/, '');
  return {
    format: 'ssh',
    id: `SHA256:${fingerprint}`,
    material: `ed25519:${hex(ed25519Point(publicKey))}`,
    fingerprint: `SHA256:${fingerprint}`,
    publicKey: new Uint8Array(publicKey),
  };
}

/** The 32 bytes of the key in its wire encoding (RFC 8709 4). */
export function ed25519Point(publicKey: Uint8Array): Uint8Array {
  const reader = new Reader(publicKey, 'the SSH key');
  if (ascii(reader.sshString()) !== 'ssh-ed25519')
    refuse('the SSH key is of another type than its line says');
  const point = reader.sshString();
  reader.end();
  if (point.length !== 32) refuse('the Ed25519 key does not have 32 bytes');
  return point;
}

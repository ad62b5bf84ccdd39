import { createHash } from 'node:crypto';
import { Lru } from '../git/index.ts';
import type { SshKey } from './key.ts';
import { ascii, Reader } from './reader.ts';
import { attempt, refuse } from './refusal.ts';
import { sshKinds } from './ssh-kinds.ts';

type ParsedSshKey =
  | { readonly ok: true; readonly key: SshKey }
  | { readonly ok: false; readonly reason: string };

/** A key line as `ssh-keygen` writes it into `.pub`: `ssh-ed25519 AAAA… comment`, without options or line feed. */
export function parseSshKey(line: string): ParsedSshKey {
  const parsed = attempt(() => readLine(line));
  return parsed.ok ? { ok: true, key: parsed.value } : parsed;
}

function readLine(line: string): SshKey {
  const [, type = '', base64 = ''] =
    /^([A-Za-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})(?: [^\r\n\0]*)?$/.exec(line) ?? [];
  if (type === '') refuse('not an SSH public key line (type, base64, comment)');
  const written = `${type} ${base64}`;
  const key = known.get(written) ?? readKey(type, base64);
  known.set(written, key, written.length);
  return key;
}

/** Keys that were read of late: the same people are anchors of many scopes. Limited in characters. */
const known = new Lru<string, SshKey>(256 * 1024);

function readKey(type: string, base64: string): SshKey {
  const kind = sshKinds.get(type) ?? refuse(`SSH keys of type ${type} are not allowed: ${whyNot(type)}`);
  const publicKey = Buffer.from(base64, 'base64');
  if (publicKey.toString('base64') !== base64) refuse('the SSH key is not base64');
  const reader = new Reader(publicKey, 'the SSH key');
  if (ascii(reader.sshString()) !== type) refuse('the SSH key is of another type than its line says');
  const { material, object } = kind.key(reader);
  reader.end();
  const fingerprint = `SHA256:${createHash('sha256').update(publicKey).digest('base64').replace(/=+$/, '')}`;
  return {
    format: 'ssh',
    id: fingerprint,
    material,
    fingerprint,
    publicKey: new Uint8Array(publicKey),
    type,
    object,
  };
}

/** For people: why G13 leaves a type out, and what to use. */
function whyNot(type: string): string {
  if (type.includes('-cert-')) return 'whoever holds the authority could make votes; list the key itself';
  if (type === 'ssh-dss') return 'DSA has 1024 bits; use ssh-ed25519';
  if (type.startsWith('rsa-sha2-')) return 'that is a signature algorithm; the key is ssh-rsa';
  if (type.startsWith('ecdsa-')) return 'the curves are nistp256, nistp384 and nistp521';
  return `use one of ${[...sshKinds.keys()].join(', ')}`;
}

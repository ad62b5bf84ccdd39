import { sha256 } from '../base/digest.ts';
import { dearmorOpenpgp } from './armor.ts';
import type { OpenpgpKey } from './key.ts';
import { type Block, checkPrimary, checkSubkey, readCertificate } from './openpgp-certificate.ts';
import { fingerprintOf, publicKeyOf, readKey, readPackets, type SigningKey, tag } from './openpgp-packet.ts';
import { attemptAsync, refuse } from './refusal.ts';

type ParsedOpenpgpKey =
  | { readonly ok: true; readonly key: OpenpgpKey }
  | { readonly ok: false; readonly reason: string };

/**
 * The key of an anchor from its pinned certificate, armoured or binary. `fingerprint` is the full one of the primary
 * key, upper-case, as `scope.yaml` has it. The caller has compared the hash of the bytes.
 */
export function parseOpenpgpKey(certificate: Uint8Array, fingerprint: string): Promise<ParsedOpenpgpKey> {
  const name = `${fingerprint} ${sha256(certificate)}`;
  const known = parsed.get(name);
  if (known !== undefined) return known;
  const parsing = parse(certificate, fingerprint);
  if (parsed.size >= REMEMBERED) parsed.clear();
  parsed.set(name, parsing);
  return parsing;
}

/** Checking a certificate's own signatures takes milliseconds, and an anchor of many scopes has one in each. */
const parsed = new Map<string, Promise<ParsedOpenpgpKey>>();
const REMEMBERED = 1_000;

async function parse(certificate: Uint8Array, fingerprint: string): Promise<ParsedOpenpgpKey> {
  const result = await attemptAsync(() => read(certificate, fingerprint));
  return result.ok ? { ok: true, key: result.value } : result;
}

async function read(bytes: Uint8Array, fingerprint: string): Promise<OpenpgpKey> {
  const packets = readPackets(binary(bytes));
  const certificate = readCertificate(packets);
  const primary = await readKey(certificate.key);
  if (fingerprintOf(primary) !== fingerprint) {
    refuse(`the certificate has fingerprint ${fingerprintOf(primary)}, not ${fingerprint}`);
  }
  const { material } = publicKeyOf(primary);
  const signing = new Map<string, SigningKey>();
  const refused = new Map<string, string>();
  const note = (key: SigningKey, checked: { ok: true } | { ok: false; reason: string }): void => {
    if (checked.ok) signing.set(fingerprintOf(key), key);
    else refused.set(fingerprintOf(key), checked.reason);
  };
  note(primary, await attemptAsync(() => checkPrimary(primary, certificate)));
  for (const block of certificate.subkeys) await noteSubkey(primary, block, note);
  if (signing.size === 0)
    refuse(`no key of certificate ${fingerprint} may sign: ${[...refused.values()].join('; ')}`);
  const materials = new Set([material, ...[...signing.values()].map((key) => publicKeyOf(key).material)]);
  return {
    format: 'openpgp',
    id: sha256(bytes),
    material,
    materials: [...materials],
    fingerprint,
    checks: packets.filter((packet) => packet.tag === tag.signature).length,
    certificate: { signing, refused },
  };
}

type Note = (key: SigningKey, checked: { ok: true } | { ok: false; reason: string }) => void;

/** A subkey that cannot be read at all (a newer algorithm, usually for encryption) cannot sign either: left out. */
async function noteSubkey(primary: SigningKey, block: Block, note: Note): Promise<void> {
  const key = await attemptAsync(() => readKey(block.packet));
  if (key.ok) note(key.value, await attemptAsync(() => checkSubkey(primary, key.value, block.signatures)));
}

/** Armour begins with a dash; the first byte of a binary packet has its high bit set. */
function binary(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x2d) return bytes;
  const armor = Buffer.from(bytes).toString('latin1').replaceAll('\r\n', '\n');
  if (armor.startsWith('-----BEGIN PGP PRIVATE KEY BLOCK-----')) {
    refuse('this is a secret key: whoever can read the repository has it now; make a new one');
  }
  return dearmorOpenpgp(armor, 'PGP PUBLIC KEY BLOCK');
}

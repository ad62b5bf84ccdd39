import { dearmorOpenpgp, hasChecksum } from './armor.ts';
import type { OpenpgpKey } from './key.ts';
import { checkSignature, readPackets, readSignature, signatureType, tag } from './openpgp-packet.ts';
import { checkDepth, readFields, type Subpacket, subpacketType } from './openpgp-subpacket.ts';
import { hex, sameBytes } from './reader.ts';
import { refuse } from './refusal.ts';

/** The one signature packet of a block, as far as G14 needs it before any cryptography. */
type OpenpgpSignature = {
  readonly body: Uint8Array;
  /** From the hashed, so signed, subpackets: 40 or 64 upper-case hex digits. */
  readonly issuer: string;
};

/**
 * The block in a commit's armour. A version 4 signature has its checksum there: without it, gpg 2.2 takes END for data
 * one time in three. One of version 6 has none (RFC 9580 6.1).
 */
export function dearmorSignature(armor: string): Uint8Array {
  const bytes = dearmorOpenpgp(armor, 'PGP SIGNATURE');
  if (!hasChecksum(armor) && readPackets(bytes)[0]?.body[0] !== 6) refuse('armour without its checksum');
  return bytes;
}

/** The full fingerprint of the key that the signature names as its maker; it has not been asked whether it is. */
export function issuerOf(block: Uint8Array): string {
  return readBlock(block).issuer;
}

/** Refuses unless `block`, without armour, is a signature over `signed` by a key that the certificate lets sign. Enforces G14. */
export async function checkOpenpgpSignature(
  block: Uint8Array,
  signed: Uint8Array,
  key: OpenpgpKey,
): Promise<void> {
  const { body, issuer } = readBlock(block);
  const { signing, refused } = key.certificate;
  const signer = signing.get(issuer);
  if (signer === undefined)
    refuse(refused.get(issuer) ?? `${issuer} is no key of certificate ${key.fingerprint}`);
  const literal = { text: null, getBytes: () => signed };
  await checkSignature(await readSignature(body), signer, signatureType.binary, literal);
}

function readBlock(block: Uint8Array): OpenpgpSignature {
  const packets = readPackets(block);
  const [packet] = packets;
  if (packets.length !== 1 || packet?.tag !== tag.signature)
    refuse('not exactly one OpenPGP signature packet');
  return { body: packet.body, issuer: readIssuer(packet.body) };
}

/** The one full fingerprint in the signed part. */
function readIssuer(body: Uint8Array): string {
  const { version, type, hashed, unhashed } = readFields(body);
  if (type !== signatureType.binary) refuse('the OpenPGP signature is not of type 0x00 (binary document)');
  checkDepth(body, 0);
  const issuers = hashed.filter((each) => each.type === subpacketType.issuerFingerprint);
  const [issuer] = issuers;
  if (issuers.length !== 1 || issuer === undefined) refuse('no full issuer fingerprint in the signed part');
  const [keyVersion, ...bytes] = issuer.body;
  if (keyVersion !== version || bytes.length !== (version === 6 ? 32 : 20))
    refuse('malformed issuer fingerprint');
  checkUnhashed(unhashed, issuer.body);
  return hex(Uint8Array.from(bytes)).toUpperCase();
}

/** What is not signed decides nothing here; but gpg looks for the key by it, and what it cannot find is no vote. */
function checkUnhashed(unhashed: readonly Subpacket[], issuer: Uint8Array): void {
  const id = issuer[0] === 6 ? issuer.subarray(1, 9) : issuer.subarray(-8);
  for (const { type, critical, body } of unhashed) {
    if (critical) refuse('a critical subpacket outside the signed part');
    const said =
      type === subpacketType.issuerKeyId ? id : type === subpacketType.issuerFingerprint ? issuer : body;
    if (!sameBytes(body, said)) refuse('the unsigned part names another issuer');
  }
}

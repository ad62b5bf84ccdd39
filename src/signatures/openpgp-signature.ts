import type { OpenpgpKey } from './key.ts';
import { checkSignature, readPackets, readSignature, signatureType, tag } from './openpgp-packet.ts';
import { hex, Reader } from './reader.ts';
import { refuse } from './refusal.ts';

/** The one signature packet of a block, as far as G14 needs it before any cryptography. */
type OpenpgpSignature = {
  readonly body: Uint8Array;
  /** From the hashed, so signed, subpackets: 40 or 64 upper-case hex digits. */
  readonly issuer: string;
};

/** The full fingerprint of the key that the signature names as its maker; it has not been asked whether it is. */
export function issuerOf(block: Uint8Array): string {
  return readBlock(block).issuer;
}

/** Refuses unless `block`, without armour, is a signature over `signed` by a key that the certificate lets sign. */
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
  await checkSignature(readSignature(body), signer, signatureType.binary, literal);
}

function readBlock(block: Uint8Array): OpenpgpSignature {
  const packets = readPackets(block);
  const [packet] = packets;
  if (packets.length !== 1 || packet?.tag !== tag.signature)
    refuse('not exactly one OpenPGP signature packet');
  return { body: packet.body, issuer: readIssuer(packet.body) };
}

/** Reads version, type and both subpacket areas (RFC 9580 5.2.3), which must be filled exactly. */
function readIssuer(body: Uint8Array): string {
  const reader = new Reader(body, 'the OpenPGP signature');
  const version = reader.uint(1);
  if (version !== 4 && version !== 6) refuse(`OpenPGP signatures of version ${version} are not allowed`);
  if (reader.uint(1) !== signatureType.binary)
    refuse('the OpenPGP signature is not of type 0x00 (binary document)');
  reader.take(2);
  const width = version === 6 ? 4 : 2;
  const issuers = subpackets(reader.take(reader.uint(width))).filter(
    ({ type }) => type === issuerFingerprint,
  );
  subpackets(reader.take(reader.uint(width)));
  const [issuer] = issuers;
  if (issuers.length !== 1 || issuer === undefined) refuse('no full issuer fingerprint in the signed part');
  const [keyVersion, ...bytes] = issuer.body;
  if (keyVersion !== version || bytes.length !== (version === 6 ? 32 : 20))
    refuse('malformed issuer fingerprint');
  return hex(Uint8Array.from(bytes)).toUpperCase();
}

const issuerFingerprint = 33;

function subpackets(area: Uint8Array): readonly { readonly type: number; readonly body: Uint8Array }[] {
  const reader = new Reader(area, 'a subpacket');
  const found = [];
  while (reader.left > 0) {
    const content = reader.take(subpacketLength(reader));
    const [type] = content;
    if (type === undefined) refuse('an empty subpacket');
    found.push({ type: type & 0x7f, body: content.subarray(1) });
  }
  return found;
}

/** Other than a packet's, a subpacket's length has no partial form (RFC 9580 5.2.3.7). */
function subpacketLength(reader: Reader): number {
  const first = reader.uint(1);
  if (first < 192) return first;
  return first === 255 ? reader.uint(4) : (first - 192) * 256 + reader.uint(1) + 192;
}

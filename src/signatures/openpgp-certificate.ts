import type { SignaturePacket } from 'openpgp';
import {
  checkSignature,
  type Packet,
  publicKeyOf,
  readSignature,
  type SigningKey,
  signatureType,
  tag,
} from './openpgp-packet.ts';
import { hex } from './reader.ts';
import { attemptAsync, refuse } from './refusal.ts';

/** A packet and the signature packets behind it. */
export type Block = { readonly packet: Packet; readonly signatures: readonly Uint8Array[] };

/** A transferable public key (RFC 9580 10.1), not yet verified. */
type Certificate = {
  readonly key: Packet;
  readonly direct: readonly Uint8Array[];
  readonly users: readonly Block[];
  readonly subkeys: readonly Block[];
};

/** Verifying a certificate costs a signature check per self-signature; real ones have a handful. */
const maxPackets = 256;

/**
 * Sorts the packets of exactly one certificate. Any revocation of the primary key refuses it, even one that would not
 * verify: the pinned bytes are its owner's own choice (G14), and a later "un-revocation" cannot be told from a replay.
 */
export function readCertificate(packets: readonly Packet[]): Certificate {
  if (packets.length > maxPackets) refuse(`a certificate of more than ${maxPackets} packets`);
  const blocks = toBlocks(packets);
  const [first, ...rest] = blocks;
  if (first?.packet.tag !== tag.publicKey) refuse('the certificate does not begin with a public key');
  if (rest.some(({ packet }) => packet.tag === tag.publicKey)) refuse('more than one certificate');
  if (
    blocks.some(({ signatures }) => signatures.some((body) => typeOf(body) === signatureType.keyRevocation))
  ) {
    refuse('the certificate is revoked');
  }
  refuseRepeated(rest.filter(({ packet }) => packet.tag === tag.publicSubkey));
  return {
    key: first.packet,
    direct: first.signatures,
    users: rest.filter(({ packet }) => packet.tag === tag.userId || packet.tag === tag.userAttribute),
    subkeys: rest.filter(({ packet }) => packet.tag === tag.publicSubkey),
  };
}

/** Of a subkey in two places, one revoked, neither place alone tells the truth. */
function refuseRepeated(subkeys: readonly Block[]): void {
  const bodies = subkeys.map(({ packet }) => hex(packet.body));
  if (new Set(bodies).size < bodies.length) refuse('a subkey is in the certificate twice');
}

function toBlocks(packets: readonly Packet[]): readonly Block[] {
  const blocks: { packet: Packet; signatures: Uint8Array[] }[] = [];
  for (const packet of packets) {
    const last = blocks.at(-1);
    if (packet.tag === tag.trust) continue;
    if (packet.tag !== tag.signature) blocks.push({ packet: known(packet), signatures: [] });
    else if (last === undefined) refuse('the certificate does not begin with a public key');
    else last.signatures.push(packet.body);
  }
  return blocks;
}

const keyParts: readonly number[] = [tag.publicKey, tag.userId, tag.userAttribute, tag.publicSubkey];

function known(packet: Packet): Packet {
  return keyParts.includes(packet.tag)
    ? packet
    : refuse(`packet ${packet.tag} is no part of a public certificate`);
}

/** The type of a signature packet of any version, readable or not: version 3 and before have a length first. */
function typeOf(body: Uint8Array): number | undefined {
  return (body[0] ?? 0) >= 4 ? body[1] : body[2];
}

const signData = 0x02;

/** Refuses unless the newest self-signature that has key flags lets the primary key sign data. */
export async function checkPrimary(primary: SigningKey, certificate: Certificate): Promise<void> {
  const direct = { signatures: certificate.direct, data: { key: primary }, isType: isDirect };
  const users = certificate.users.map(({ packet, signatures }) => ({
    signatures,
    data: {
      key: primary,
      [packet.tag === tag.userId ? 'userID' : 'userAttribute']: { write: () => packet.body },
    },
    isType: isCertification,
  }));
  const verified = await Promise.all([direct, ...users].map((claim) => selfSignatures(primary, claim)));
  const flags = newest(verified.flat().filter((signature) => signature.keyFlags !== null))?.keyFlags;
  if (((flags?.[0] ?? 0) & signData) === 0)
    refuse('the primary key has no valid self-signature that lets it sign');
}

/** Refuses unless the newest binding of the subkey lets it sign data and holds its valid back-signature. */
export async function checkSubkey(
  primary: SigningKey,
  subkey: SigningKey,
  signatures: readonly Uint8Array[],
): Promise<void> {
  if (signatures.some((body) => typeOf(body) === signatureType.subkeyRevocation))
    refuse('the subkey is revoked');
  publicKeyOf(subkey);
  const data = { key: primary, bind: subkey };
  const binding = newest(await selfSignatures(primary, { signatures, data, isType: isBinding }));
  if (binding === undefined) refuse('the subkey has no valid binding signature');
  if (((binding.keyFlags?.[0] ?? 0) & signData) === 0) refuse('the subkey is not for signing');
  const back = binding.embeddedSignature;
  if (back?.signatureType !== signatureType.keyBinding) refuse('the subkey has no back-signature');
  const checked = await attemptAsync(() => checkSignature(back, subkey, signatureType.keyBinding, data));
  if (!checked.ok) refuse(`the back-signature of the subkey is not valid: ${checked.reason}`);
}

type Claim = {
  readonly signatures: readonly Uint8Array[];
  readonly data: object;
  readonly isType: (type: number) => boolean;
};

const isDirect = (type: number): boolean => type === signatureType.key;
const isCertification = (type: number): boolean => type >= 0x10 && type <= 0x13;
const isBinding = (type: number): boolean => type === signatureType.subkeyBinding;

/** The signatures of a claim that the primary key made; those of others, or unreadable ones, say nothing. */
async function selfSignatures(primary: SigningKey, claim: Claim): Promise<readonly SignaturePacket[]> {
  const verified: SignaturePacket[] = [];
  for (const body of claim.signatures) {
    const type = typeOf(body);
    if (type === undefined || !claim.isType(type)) continue;
    const signature = await attemptAsync(() => readSignature(body));
    if (!signature.ok) continue;
    const checked = await attemptAsync(() => checkSignature(signature.value, primary, type, claim.data));
    if (checked.ok) verified.push(signature.value);
  }
  return verified;
}

/** The greatest creation time; of equal ones the last in the bytes. Dates order statements here, none expires. */
function newest(signatures: readonly SignaturePacket[]): SignaturePacket | undefined {
  const time = (signature: SignaturePacket): number => signature.created?.getTime() ?? 0;
  return signatures.toSorted((left, right) => time(left) - time(right)).at(-1);
}

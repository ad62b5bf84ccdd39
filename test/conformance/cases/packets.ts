/** OpenPGP certificates and signatures that gpg does not make: packet by packet, over the published test keys. */
import { armor, enums, type SignaturePacket, unarmor } from 'openpgp';
import { openpgpCertificate } from '../../keys/index.ts';
import {
  armorSignature,
  frame,
  literal,
  primarySecret,
  publicBody,
  publicPacket,
  type Secret,
  type SignatureOptions,
  signPacket,
  subkeySecret,
} from '../../signatures/make.ts';

/** Flags of a key (RFC 9580 5.2.3.29). */
export const flag = { certify: 1, sign: 2, encrypt: 12, authenticate: 32 } as const;

type Shape = {
  /** Flags of the primary key, and of the subkey. */
  readonly primary?: number;
  readonly subkey?: number;
  readonly name?: string;
  /** More of the self-signature and the binding. */
  readonly fields?: (signature: SignaturePacket) => void;
  /** Packets behind the primary key (a revocation), and behind the user id. */
  readonly afterPrimary?: readonly Uint8Array[];
  readonly afterUser?: readonly Uint8Array[];
};

const { certPositive, subkeyBinding, keyBinding, keyRevocation, certRevocation } = enums.signature;

function withFlags(value: number, more: (signature: SignaturePacket) => void = () => {}) {
  return (signature: SignaturePacket): void => {
    signature.keyFlags = new Uint8Array([value]);
    more(signature);
  };
}

async function signature(key: Secret, data: object, options: SignatureOptions): Promise<Uint8Array> {
  return frame(2, (await signPacket(key, data, options)).write());
}

/** A certificate of cy's two keys, armoured. */
export async function certificateOfCy(shape: Shape = {}): Promise<Uint8Array> {
  const [primary, sub] = [await primarySecret('cy'), await subkeySecret('cy')];
  const user = new TextEncoder().encode(shape.name ?? 'cy <cy@fairlead.example>');
  const key = await publicPacket(primary);
  const flags = shape.subkey ?? flag.sign;
  const selfFields = withFlags(shape.primary ?? flag.certify | flag.sign, shape.fields);
  const self = await signature(
    primary,
    { key, userID: { write: () => user } },
    { type: certPositive, fields: selfFields },
  );
  const packets = [frame(6, publicBody(primary)), ...(shape.afterPrimary ?? []), frame(13, user), self];
  return armored([
    ...packets,
    ...(shape.afterUser ?? []),
    ...(await boundSubkey(primary, sub, sub, flags, shape.fields)),
  ]);
}

/** A subkey packet and its binding; `back` null: without the subkey's own consent. */
async function boundSubkey(
  primary: Secret,
  sub: Secret,
  back: Secret | null,
  flags: number,
  more?: (signature: SignaturePacket) => void,
): Promise<readonly Uint8Array[]> {
  const data = { key: await publicPacket(primary), bind: await publicPacket(sub) };
  const consent = back === null ? null : await signPacket(back, data, { type: keyBinding });
  const fields = withFlags(flags, (packet) => {
    packet.embeddedSignature = flags & flag.sign ? consent : null;
    more?.(packet);
  });
  return [frame(14, publicBody(sub)), await signature(primary, data, { type: subkeyBinding, fields })];
}

/** A key that has been expired since 2020. */
export const expired = (packet: SignaturePacket): void => {
  packet.keyExpirationTime = 86_400;
  packet.keyNeverExpires = false;
};

/** The revocation of cy's primary key by itself. */
export async function revocationOfCy(): Promise<Uint8Array> {
  const primary = await primarySecret('cy');
  return signature(primary, { key: await publicPacket(primary) }, { type: keyRevocation });
}

/** The revocation of cy's user id. */
export async function userRevocationOfCy(): Promise<Uint8Array> {
  const primary = await primarySecret('cy');
  const user = new TextEncoder().encode('cy <cy@fairlead.example>');
  const data = { key: await publicPacket(primary), userID: { write: () => user } };
  return signature(primary, data, { type: certRevocation });
}

/** The certificate of gus, who has bound cy's signing subkey to it, without its consent. */
export async function adoptedByGus(): Promise<Uint8Array> {
  const own = await packetsOf('gus');
  return armored([
    own,
    ...(await boundSubkey(await primarySecret('gus'), await subkeySecret('cy'), null, flag.sign)),
  ]);
}

/** The certificate of gus with a second user id: cy's. */
export async function gusCalledCy(): Promise<Uint8Array> {
  const primary = await primarySecret('gus');
  const user = new TextEncoder().encode('cy <cy@fairlead.example>');
  const data = { key: await publicPacket(primary), userID: { write: () => user } };
  const self = await signature(primary, data, {
    type: certPositive,
    fields: withFlags(flag.certify | flag.sign),
  });
  return armored([await packetsOf('gus'), frame(13, user), self]);
}

async function packetsOf(name: 'cy' | 'gus'): Promise<Uint8Array> {
  const { data } = await unarmor(Buffer.from(openpgpCertificate(name)).toString());
  return new Uint8Array(data as Uint8Array);
}

function armored(packets: readonly Uint8Array[]): Uint8Array {
  const text = armor(enums.armor.publicKey, new Uint8Array(Buffer.concat(packets))).replaceAll('\r\n', '\n');
  return new TextEncoder().encode(text);
}

/** Armour over `bytes` by cy's signing subkey, or by the primary key. */
export async function signedByCy(
  bytes: Uint8Array,
  options: SignatureOptions & { readonly with?: 'primary' | 'subkey' } = {},
): Promise<string> {
  const key = options.with === 'primary' ? await primarySecret('cy') : await subkeySecret('cy');
  return armorSignature(await signature(key, literal(bytes), options));
}

/** Without the full fingerprint: only the 64-bit key id names the maker. */
export const withoutFingerprint = (packet: SignaturePacket): void => {
  Object.defineProperty(packet, 'issuerFingerprint', { get: () => null, set: () => {} });
};

/** Two packets in one block: of gus, and of cy. */
export async function signedByBoth(bytes: Uint8Array): Promise<string> {
  const [gus, cy] = [await subkeySecret('gus'), await subkeySecret('cy')];
  return armorSignature(await signature(gus, literal(bytes), {}), await signature(cy, literal(bytes), {}));
}

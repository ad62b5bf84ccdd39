/** Certificates that an attacker changed without the primary key: whose keys may sign then? */

import { dearmorOpenpgp } from '../../../src/signatures/armor.ts';
import { parseOpenpgpKey } from '../../../src/signatures/index.ts';
import { type Packet, readPackets } from '../../../src/signatures/openpgp-packet.ts';
import { certificateOf, kindFingerprints, type OpenpgpKind, openpgpKinds } from '../../keys/kinds/index.ts';
import { frame } from '../make.ts';
import type { Random } from './random.ts';

type Owner = {
  readonly fingerprint: string;
  readonly packets: readonly Packet[];
  readonly materials: readonly string[];
};

export type Certificates = {
  readonly count: number;
  /** Some key of the owner may still sign. */
  readonly usable: number;
  /** A key that the owner's certificate did not let sign may do so: never. */
  readonly stolen: readonly string[];
};

async function ownerOf(kind: OpenpgpKind): Promise<Owner> {
  const bytes = certificateOf(kind);
  const fingerprint = kindFingerprints[kind];
  const parsed = await parseOpenpgpKey(bytes, fingerprint);
  if (!parsed.ok) throw new Error(parsed.reason);
  const armor = Buffer.from(bytes).toString('latin1');
  const packets = readPackets(dearmorOpenpgp(armor, 'PGP PUBLIC KEY BLOCK'));
  return { fingerprint, packets, materials: parsed.key.materials };
}

/** One to three changes: packets lost, twice, elsewhere, of another's certificate, or of other bytes. */
function changed({ packets }: Owner, other: Owner, random: Random): readonly Packet[] {
  const made = [...packets];
  for (let changes = 1 + random.below(3); changes > 0; changes -= 1) {
    const at = random.below(made.length);
    const packet = made[at] ?? random.pick(packets);
    const change = random.below(7);
    if (change === 0 && made.length > 1) made.splice(at, 1);
    else if (change === 1) made.splice(random.below(made.length + 1), 0, packet);
    else if (change === 2) made.splice(at, 0, random.pick(other.packets));
    else if (change === 3) made[at] = random.pick(other.packets);
    else if (change === 4) made.splice(at, 0, ...other.packets.slice(-2));
    else if (change === 5) made[at] = { ...packet, tag: random.pick([2, 6, 12, 13, 14, 17]) };
    else made[at] = { ...packet, body: flipped(packet.body, random) };
  }
  return made;
}

function flipped(body: Uint8Array, random: Random): Uint8Array {
  const bytes = Buffer.from(body);
  const at = random.below(bytes.length);
  bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.below(8)), at);
  return bytes;
}

export async function changeCertificates(count: number, random: Random): Promise<Certificates> {
  const owners = await Promise.all(openpgpKinds.map(ownerOf));
  const stolen: string[] = [];
  let usable = 0;
  for (let done = 0; done < count; done += 1) {
    const [owner, other] = [random.pick(owners), random.pick(owners)];
    const packets = changed(owner, other, random).map(({ tag, body }) => frame(tag, body));
    const bytes = new Uint8Array(Buffer.concat(packets));
    const parsed = await parseOpenpgpKey(bytes, owner.fingerprint);
    if (!parsed.ok) continue;
    usable += 1;
    if (parsed.key.materials.some((material) => !owner.materials.includes(material)))
      stolen.push(Buffer.from(bytes).toString('base64'));
  }
  return { count, usable, stolen };
}

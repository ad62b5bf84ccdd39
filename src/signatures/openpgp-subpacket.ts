import { Reader } from './reader.ts';
import { refuse } from './refusal.ts';

/** What a signature packet says, as far as it must be known before openpgp.js reads it. */
export type SignatureFields = {
  readonly version: 4 | 6;
  readonly type: number;
  readonly hashed: readonly Subpacket[];
  readonly unhashed: readonly Subpacket[];
};

export type Subpacket = { readonly type: number; readonly critical: boolean; readonly body: Uint8Array };

/** RFC 9580 5.2.3.7. */
export const subpacketType = { issuerKeyId: 16, embeddedSignature: 32, issuerFingerprint: 33 } as const;

/** Reads version, type and both subpacket areas (RFC 9580 5.2.3), which must be filled exactly. */
export function readFields(body: Uint8Array): SignatureFields {
  const reader = new Reader(body, 'the OpenPGP signature');
  const version = reader.uint(1);
  if (version !== 4 && version !== 6) refuse(`OpenPGP signatures of version ${version} are not allowed`);
  const type = reader.uint(1);
  reader.take(2);
  const width = version === 6 ? 4 : 2;
  const hashed = subpackets(reader.take(reader.uint(width)));
  return { version, type, hashed, unhashed: subpackets(reader.take(reader.uint(width))) };
}

/**
 * Refuses signatures within signatures deeper than `levels`: a binding has its back-signature, a document's has none.
 * Thousands of levels fit into one packet that anybody can send, and reading them costs the square of their number.
 */
export function checkDepth(body: Uint8Array, levels: number): void {
  const { hashed, unhashed } = readFields(body);
  for (const { type, body: embedded } of [...hashed, ...unhashed]) {
    if (type !== subpacketType.embeddedSignature) continue;
    if (levels === 0) refuse('an OpenPGP signature within a signature');
    checkDepth(embedded, levels - 1);
  }
}

function subpackets(area: Uint8Array): readonly Subpacket[] {
  const reader = new Reader(area, 'a subpacket');
  const found = [];
  while (reader.left > 0) {
    const content = reader.take(subpacketLength(reader));
    const [type] = content;
    if (type === undefined) refuse('an empty subpacket');
    found.push({ type: type & 0x7f, critical: type > 0x7f, body: content.subarray(1) });
  }
  return found;
}

/** Other than a packet's, a subpacket's length has no partial form (RFC 9580 5.2.3.7). */
function subpacketLength(reader: Reader): number {
  const first = reader.uint(1);
  if (first < 192) return first;
  return first === 255 ? reader.uint(4) : (first - 192) * 256 + reader.uint(1) + 192;
}

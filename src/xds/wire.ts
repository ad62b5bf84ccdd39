import protobuf from 'protobufjs/minimal.js';
import { sameItems } from '../base/lists.ts';
import { ownMemory } from '../base/own-memory.ts';
import type { envoy, google } from '../generated/envoy.js';
import { framed } from './framing.ts';
import type { XdsResource } from './types.ts';
import type { Node, RequestBase, Response, ResponseEncoder } from './variant.ts';

type Message = envoy.service.discovery.v3.DeltaDiscoveryRequest | envoy.service.discovery.v3.DiscoveryRequest;

/** What both kinds of requests say, narrowed once. */
export function requestBase({ typeUrl, node, responseNonce, errorDetail }: Message): RequestBase {
  return {
    typeUrl,
    node: node ? plainNode(node) : null,
    nonce: responseNonce,
    error: errorDetail ? errorDetail.message.trimEnd() : null, // Envoy ends its own with an end of line.
  };
}

function plainNode({ id, metadata, extensions, locality }: envoy.config.core.v3.Node): Node {
  const enabled = extensions.filter(({ disabled }) => !disabled).map(({ name }) => name);
  const { region = '', zone = '', subZone = '' } = locality ?? {};
  const place = [region, zone, subZone].join('/').replace(/\/+$/, '');
  return { id, metadata: plainStruct(metadata), extensions: enabled, locality: place };
}

/** `google.protobuf.Struct` as the JSON object that it stands for. */
function plainStruct(struct: google.protobuf.Struct | null | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(struct?.fields ?? {}).map(([key, value]) => [key, plainValue(value)]),
  );
}

function plainValue(value: google.protobuf.Value): unknown {
  // Members of the oneof that are not set read as their defaults: only an own property is the one that was sent.
  if (Object.hasOwn(value, 'structValue')) return plainStruct(value.structValue);
  if (Object.hasOwn(value, 'listValue')) return value.listValue?.values.map(plainValue);
  const scalar = (['stringValue', 'numberValue', 'boolValue'] as const).find((kind) =>
    Object.hasOwn(value, kind),
  );
  return scalar === undefined ? null : value[scalar];
}

const LENGTH_DELIMITED = 2;

/** The key of a field of bytes, text or a message. */
export const tag = (field: number) => (field << 3) | LENGTH_DELIMITED;

/** Bytes in pieces: what is large is copied once, into the response. */
export type Pieces = readonly Uint8Array[];

/** One field of bytes, text or a message. */
export function delimited(field: number, pieces: Pieces): Pieces {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return [protobuf.Writer.create().uint32(tag(field)).uint32(length).finish(), ...pieces];
}

/** `google.protobuf.Any` {type_url = 1, value = 2}, without its own key and length. */
export function encodeAny(resource: XdsResource): Pieces {
  const type = protobuf.Writer.create().uint32(tag(1)).string(resource.typeUrl).finish();
  return [type, ...delimited(2, contentOf(resource))];
}

/** A large `any` is put together only for who asks for it. */
function contentOf(resource: XdsResource): Pieces {
  return resource.pieces ?? [resource.any];
}

/** How a variant writes a response: its resources are field 2 of either, between what comes before and after. */
export type ResponseFormat = {
  readonly resource: (resource: XdsResource) => Pieces;
  readonly head: (response: Response) => protobuf.Writer;
  readonly tail: (response: Response) => protobuf.Writer;
};

type Encoded = { readonly content: Pieces; readonly pieces: Pieces };

/** Below so many bytes a copy costs less than pieces. */
const SMALL = 4_096;

/**
 * An encoder of responses that are little more than resources in a row. Type, name and version are the key of the
 * cache; versions that somebody else gave may stand for other content at another node, so the content counts too.
 */
export function createEncoder({ resource: encodeResource, head, tail }: ResponseFormat): ResponseEncoder {
  let recent = new Map<string, Encoded>();
  let older = new Map<string, Encoded>();
  const resourcePieces = (resource: XdsResource): Pieces => {
    const key = `${resource.typeUrl}\n${resource.name}\n${resource.version}`;
    const content = contentOf(resource);
    const known = recent.get(key) ?? older.get(key);
    const same = known !== undefined && haveSameBytes(known.content, content);
    const pieces = same ? known.pieces : compact(delimited(2, encodeResource(resource)));
    recent.set(key, { content, pieces });
    return pieces;
  };
  const encode = (response: Response): Buffer => {
    const resources = response.resources.flatMap(resourcePieces);
    return framed([head(response).finish(), ...resources, tail(response).finish()]);
  };
  const last = new Map<string, { readonly response: Response; readonly bytes: Buffer }>();
  let held = 0;
  const forget = () => {
    last.clear();
    held = 0;
  };
  const idle = setTimeout(forget, IDLE_MS).unref();
  const remember = (key: string, response: Response, bytes: Buffer) => {
    idle.refresh();
    held += bytes.length - (last.get(key)?.bytes.length ?? 0);
    last.delete(key);
    last.set(key, { response, bytes });
    for (const [oldest, { bytes: old }] of last) {
      if (held <= REMEMBERED_BYTES) break;
      last.delete(oldest);
      held -= old.length;
    }
  };
  return {
    encode: (response) => {
      const { typeUrl, nonce, resources } = response;
      // Streams of several views take turns: those of one are told by what they are sent.
      const key = [typeUrl, nonce, resources[0]?.name, resources[0]?.version].join('\n');
      const known = last.get(key);
      if (known !== undefined && isSame(known.response, response)) return known.bytes;
      const bytes = encode(response);
      remember(key, response, bytes);
      return bytes;
    },
    rotate: () => {
      older = recent;
      recent = new Map();
      forget();
    },
  };
}

/** Kept as long as the resource does not change. */
function compact(pieces: Pieces): Pieces {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return length < SMALL ? [ownMemory(Buffer.concat(pieces, length))] : pieces.map(ownMemory);
}

function haveSameBytes(left: Pieces, right: Pieces): boolean {
  if (left === right) return true;
  if (left.length !== right.length) return false;
  return left.every((piece, index) => {
    const other = right[index];
    return piece === other || (other !== undefined && Buffer.compare(piece, other) === 0);
  });
}

/** Streams in step say the same with the same nonce; a table of many hosts may be a megabyte, and there is one for each view. */
const REMEMBERED_BYTES = 32 * 1024 ** 2;
/** Whoever is in step asks sooner. */
const IDLE_MS = 1_000;

function isSame(left: Response, right: Response): boolean {
  return (
    left.revision === right.revision &&
    left.version === right.version &&
    sameItems(left.resources, right.resources) &&
    sameItems(left.removed, right.removed)
  );
}

import protobuf from 'protobufjs/minimal.js';
import type { envoy, google } from '../generated/envoy.js';
import type { XdsResource } from './types.ts';
import type { Node, RequestBase, Response, ResponseEncoder } from './variant.ts';

type Message = envoy.service.discovery.v3.DeltaDiscoveryRequest | envoy.service.discovery.v3.DiscoveryRequest;

/** What both kinds of requests say, narrowed once. */
export function requestBase({ typeUrl, node, responseNonce, errorDetail }: Message): RequestBase {
  return {
    typeUrl,
    node: node ? plainNode(node) : null,
    nonce: responseNonce,
    error: errorDetail ? errorDetail.message : null,
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

/** Appends `google.protobuf.Any` {type_url = 1, value = 2}, without its own key and length. */
export function writeAny(writer: protobuf.Writer, { typeUrl, any }: XdsResource): protobuf.Writer {
  return writer.uint32(tag(1)).string(typeUrl).uint32(tag(2)).bytes(any);
}

type Encoded = { readonly any: Uint8Array; readonly bytes: Uint8Array };

/**
 * An encoder of responses that are little more than resources in a row. Type, name and version are the key of the
 * cache; versions that somebody else gave may stand for other content at another node, so the content counts too.
 */
export function createEncoder(
  encodeResource: (resource: XdsResource) => Uint8Array,
  writeResponse: (writer: protobuf.Writer, response: Response, resources: readonly Uint8Array[]) => void,
): ResponseEncoder {
  let recent = new Map<string, Encoded>();
  let older = new Map<string, Encoded>();
  const resourceBytes = (resource: XdsResource): Uint8Array => {
    const key = `${resource.typeUrl}\n${resource.name}\n${resource.version}`;
    const { any } = resource;
    const known = recent.get(key) ?? older.get(key);
    const same = known !== undefined && (known.any === any || Buffer.compare(known.any, any) === 0);
    const bytes = same ? known.bytes : encodeResource(resource);
    recent.set(key, { any, bytes });
    return bytes;
  };
  const encode = (response: Response): Buffer => {
    const writer = protobuf.Writer.create();
    writeResponse(writer, response, response.resources.map(resourceBytes));
    const bytes = writer.finish();
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
  const last = new Map<string, { readonly response: Response; readonly bytes: Buffer }>();
  return {
    encode: (response) => {
      const key = `${response.typeUrl}\n${response.nonce}`;
      const known = last.get(key);
      if (known !== undefined && isSame(known.response, response)) return known.bytes;
      const bytes = encode(response);
      if (last.size >= REMEMBERED_RESPONSES) last.clear();
      last.set(key, { response, bytes });
      return bytes;
    },
    rotate: () => {
      older = recent;
      recent = new Map();
      last.clear();
    },
  };
}

/** Streams in step say the same with the same nonce: a few responses, which may be large. */
const REMEMBERED_RESPONSES = 16;

function isSame(left: Response, right: Response): boolean {
  return (
    left.revision === right.revision &&
    left.version === right.version &&
    sameItems(left.resources, right.resources) &&
    sameItems(left.removed, right.removed)
  );
}

function sameItems<T>(left: readonly T[], right: readonly T[]): boolean {
  return left.length === right.length && left.every((item, index) => item === right[index]);
}

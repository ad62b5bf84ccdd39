import protobuf from 'protobufjs/minimal.js';
import { envoy, type google } from '../generated/envoy.js';
import type { SnapshotResource } from '../translate/index.ts';
import type { Response } from './session.ts';
import type { SubscriptionRequest } from './subscription.ts';

/** A `DeltaDiscoveryRequest`, narrowed once. `node` is null where the client left it out (C1). */
export type DeltaRequest = SubscriptionRequest & {
  readonly typeUrl: string;
  readonly node: Node | null;
};

type Node = {
  readonly id: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Names of the extensions that it can run. */
  readonly extensions: readonly string[];
};

/** Throws on bytes that are no `DeltaDiscoveryRequest`. */
export function decodeRequest(bytes: Uint8Array): DeltaRequest {
  const message = envoy.service.discovery.v3.DeltaDiscoveryRequest.decode(bytes);
  const { node, errorDetail } = message;
  return {
    typeUrl: message.typeUrl,
    node: node ? { id: node.id, metadata: plainStruct(node.metadata), extensions: enabled(node) } : null,
    subscribe: message.resourceNamesSubscribe,
    unsubscribe: message.resourceNamesUnsubscribe,
    initialVersions: new Map(Object.entries(message.initialResourceVersions)),
    nonce: message.responseNonce,
    error: errorDetail ? errorDetail.message : null,
  };
}

function enabled({ extensions }: envoy.config.core.v3.Node): readonly string[] {
  return extensions.filter(({ disabled }) => !disabled).map(({ name }) => name);
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

/** Encodes responses; each resource is encoded once, however many streams it goes to. */
export interface ResponseEncoder {
  encode(response: Response): Buffer;
  /** A new revision: what two of them in a row did not send is forgotten. */
  rotate(): void;
}

/** The bytes of a resource depend on type, name and content hash only, so that is the key of the cache. */
export function createResponseEncoder(): ResponseEncoder {
  let recent = new Map<string, Uint8Array>();
  let older = new Map<string, Uint8Array>();
  const resourceBytes = (resource: SnapshotResource): Uint8Array => {
    const key = `${resource.typeUrl}\n${resource.name}\n${resource.version}`;
    const bytes = recent.get(key) ?? older.get(key) ?? encodeResource(resource);
    recent.set(key, bytes);
    return bytes;
  };
  return {
    encode: (response) => concatenate(response, response.resources.map(resourceBytes)),
    rotate: () => {
      older = recent;
      recent = new Map();
    },
  };
}

const LENGTH_DELIMITED = 2;
const tag = (field: number) => (field << 3) | LENGTH_DELIMITED;

/** `envoy.service.discovery.v3.Resource` {version = 1, resource = 2 (Any), name = 3}. */
function encodeResource({ typeUrl, name, version, any }: SnapshotResource): Uint8Array {
  const writer = protobuf.Writer.create().uint32(tag(1)).string(version);
  writer.uint32(tag(2)).fork().uint32(tag(1)).string(typeUrl).uint32(tag(2)).bytes(any).ldelim();
  return writer.uint32(tag(3)).string(name).finish();
}

/** `DeltaDiscoveryResponse` {system_version_info = 1, resources = 2, type_url = 4, nonce = 5, removed_resources = 6}. */
function concatenate(response: Response, resources: readonly Uint8Array[]): Buffer {
  const writer = protobuf.Writer.create().uint32(tag(1)).string(response.revision);
  for (const bytes of resources) writer.uint32(tag(2)).bytes(bytes);
  writer.uint32(tag(4)).string(response.typeUrl).uint32(tag(5)).string(response.nonce);
  for (const name of response.removed) writer.uint32(tag(6)).string(name);
  const bytes = writer.finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

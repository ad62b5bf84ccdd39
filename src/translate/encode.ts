import protojson from 'protobufjs/ext/protojson.js';
import { sha256 } from '../base/digest.ts';
import { byCodeUnit } from '../base/order.ts';
import { type Codec, default as root } from '../generated/envoy.js';
import type { Origin } from '../mesh/index.ts';
import type { Reference, SnapshotResource, TypeUrl } from './types.ts';

/** A resource before it is encoded: its proto3 JSON, and what it was made of. */
export type Draft = {
  readonly typeUrl: TypeUrl;
  readonly name: string;
  readonly json: object;
  readonly origins: readonly Origin[];
  readonly references: readonly Reference[];
};

/** Encodes canonical proto3 JSON, `@type` included. An unknown field or a bad value is a bug of ours, and throws. */
export function encode({ typeUrl, name, json, origins, references }: Draft): SnapshotResource {
  const any = encodeMessage(typeUrl, json);
  const version = sha256(any).slice(0, 16);
  return { typeUrl, name, version, any, json, sources: sourcesOf(origins), references: distinct(references) };
}

/** Bytes of the message that `typeUrl` names; maps come out in the order of their keys. */
export function encodeMessage(typeUrl: string, json: object): Uint8Array {
  const type = root.lookupType(typeUrl.slice(typeUrl.indexOf('/') + 1));
  const codec: Codec<object> = type;
  return codec.encode(protojson.fromJson(type, sorted(json))).finish();
}

/** Objects with their keys in byte order: protobuf writes a map in the order in which it was filled. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([left], [right]) => byCodeUnit(left, right));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

function sourcesOf(origins: readonly Origin[]): SnapshotResource['sources'] {
  const places = new Map(origins.map((origin) => [`${origin.file}:${origin.line}:${origin.column}`, origin]));
  return [...places.values()]
    .sort((a, b) => byCodeUnit(a.file, b.file) || a.line - b.line || a.column - b.column)
    .map(({ scope, uid, document, file, line, column }) => ({ scope, uid, document, file, line, column }));
}

function distinct(references: readonly Reference[]): readonly Reference[] {
  const byKey = new Map(references.map((reference) => [`${reference.typeUrl} ${reference.name}`, reference]));
  return [...byKey].sort(([left], [right]) => byCodeUnit(left, right)).map(([, reference]) => reference);
}

import protojson from 'protobufjs/ext/protojson.js';
import protobuf from 'protobufjs/minimal.js';
import { sha256 } from '../base/digest.ts';
import { byCodeUnit } from '../base/order.ts';
import { type Codec, default as root } from '../generated/envoy.js';
import type { Origin } from '../mesh/index.ts';
import { type Reference, ROUTES, type SnapshotResource, type TypeUrl } from './types.ts';

/** A resource before it is encoded: its proto3 JSON, and what it was made of. */
export type Draft = {
  readonly typeUrl: TypeUrl;
  readonly name: string;
  readonly json: object;
  readonly origins: readonly Origin[];
  readonly references: readonly Reference[];
};

/** A draft is encoded once, however many proxies it is for. */
const encoded = new WeakMap<Draft, SnapshotResource>();

/** Encodes canonical proto3 JSON, `@type` included. An unknown field or a bad value is a bug of ours, and throws. */
export function encode(draft: Draft): SnapshotResource {
  const known = encoded.get(draft);
  if (known !== undefined) return known;
  const { typeUrl, name, json, origins, references } = draft;
  const any = typeUrl === ROUTES ? encodeRoutes(json) : encodeMessage(typeUrl, json);
  const version = sha256(any).slice(0, 16);
  let sources: SnapshotResource['sources'] | null = null;
  const resource: SnapshotResource = {
    ...{ typeUrl, name, version, any, json, references: distinct(references) },
    // Made when somebody asks, which is seldom: a route table has those of all hosts.
    get sources() {
      sources ??= sourcesOf(origins);
      return sources;
    },
  };
  encoded.set(draft, resource);
  return resource;
}

/** Bytes of the message that `typeUrl` names; maps come out in the order of their keys. */
export function encodeMessage(typeUrl: string, json: object): Uint8Array {
  const type = root.lookupType(typeUrl.slice(typeUrl.indexOf('/') + 1));
  const codec: Codec<object> = type;
  return codec.encode(protojson.fromJson(type, sorted(json))).finish();
}

type RouteTable = { readonly name?: unknown; readonly virtual_hosts?: readonly object[] };

const VIRTUAL_HOST = 'type.googleapis.com/envoy.config.route.v3.VirtualHost';

/** Tag of `virtual_hosts`, field 2 of a `RouteConfiguration`, length-delimited. */
const virtualHostTag = (2 << 3) | 2;

/**
 * A route table holds all hosts, and an edit changes one: its bytes are those of its parts, put together in the order of
 * the fields' numbers (`name` is 1), as an encoder would.
 */
function encodeRoutes(table: RouteTable): Uint8Array {
  const { name, virtual_hosts = [], ...rest } = table;
  const hosts = protobuf.Writer.create();
  for (const host of virtual_hosts) hosts.uint32(virtualHostTag).bytes(encodeVirtualHost(host));
  return Buffer.concat([encodeMessage(ROUTES, { name }), hosts.finish(), encodeMessage(ROUTES, rest)]);
}

const encodedHosts = new WeakMap<object, Uint8Array>();

/** By content, for those that are made anew. */
let recent = new Map<string, Uint8Array>();
let older = new Map<string, Uint8Array>();
const REMEMBERED_HOSTS = 10_000;

function encodeVirtualHost(host: object): Uint8Array {
  const known = encodedHosts.get(host);
  if (known !== undefined) return known;
  const text = JSON.stringify(host);
  const bytes = recent.get(text) ?? older.get(text) ?? encodeMessage(VIRTUAL_HOST, host);
  if (recent.size >= REMEMBERED_HOSTS) [recent, older] = [new Map(), recent];
  recent.set(text, bytes);
  encodedHosts.set(host, bytes);
  return bytes;
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
  const byType = new Map<TypeUrl, Map<string, Reference>>();
  for (const reference of references) {
    const byName = byType.get(reference.typeUrl) ?? new Map<string, Reference>();
    byType.set(reference.typeUrl, byName.set(reference.name, reference));
  }
  return [...byType.values()]
    .flatMap((byName) => [...byName.values()])
    .sort((left, right) => byCodeUnit(left.typeUrl, right.typeUrl) || byCodeUnit(left.name, right.name));
}

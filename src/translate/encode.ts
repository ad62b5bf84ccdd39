import { isDeepStrictEqual } from 'node:util';
import protojson from 'protobufjs/ext/protojson.js';
import protobuf from 'protobufjs/minimal.js';
import { sha256 } from '../base/digest.ts';
import { sameItems } from '../base/lists.ts';
import { must } from '../base/must.ts';
import { byCodeUnit } from '../base/order.ts';
import { ownMemory } from '../base/own-memory.ts';
import { type Codec, default as root } from '../generated/envoy.js';
import { envoyTypes } from '../generated/envoy-types.js';
import type { Origin } from '../mesh/index.ts';
import { type Reference, ROUTES, type SnapshotResource, type TypeUrl } from './types.ts';

/** A resource before it is encoded: its proto3 JSON, and what it was made of. */
export type Draft = {
  readonly typeUrl: TypeUrl;
  readonly name: string;
  readonly json: object;
  readonly origins: readonly Origin[];
  readonly references: readonly Reference[];
  /** `any`: it may name messages that only manifests do. */
  readonly types?: 'any';
};

/** A draft is encoded once, however many proxies it is for. */
const encoded = new WeakMap<Draft, SnapshotResource>();

/**
 * Encodes canonical proto3 JSON, `@type` included. An unknown field or a bad value is a bug of ours, and throws. Of
 * `before`, a route table of the same name, pieces that hold the same hosts are kept.
 */
export function encode(draft: Draft, before?: SnapshotResource): SnapshotResource {
  const known = encoded.get(draft);
  if (known !== undefined) return known;
  const { typeUrl, name, json, references, types } = draft;
  const { pieces, digest } =
    typeUrl === ROUTES && types !== 'any'
      ? encodeRoutes(json, before)
      : whole(encodeMessage(typeUrl, json, types === 'any' ? envoyTypes() : root));
  let any: Uint8Array | null = null;
  let sources: SnapshotResource['sources'] | null = null;
  const resource: SnapshotResource = {
    ...{ typeUrl, name, version: digest.slice(0, 16), pieces, json, references: distinct(references) },
    // Made when somebody asks, which is seldom: a route table has all hosts.
    get any() {
      any ??= joined(pieces);
      return any;
    },
    get sources() {
      sources ??= sourcesOf(draft.origins);
      return sources;
    },
  };
  encoded.set(draft, resource);
  return resource;
}

/** `encode` of what may say the same, of the same places, as `before`: then it is that. */
export function encodeAgain(draft: Draft, before: SnapshotResource | undefined): SnapshotResource {
  const isSame =
    before !== undefined &&
    isDeepStrictEqual(before.json, draft.json) &&
    isDeepStrictEqual(before.references, distinct(draft.references)) &&
    isDeepStrictEqual(before.sources, sourcesOf(draft.origins));
  if (isSame) encoded.set(draft, before);
  return encode(draft, before);
}

/** Bytes in pieces, and a hash of them. */
type Encoded = { readonly pieces: readonly Uint8Array[]; readonly digest: string };

function whole(bytes: Uint8Array): Encoded {
  return { pieces: [bytes], digest: sha256(bytes) };
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [first, ...others] = pieces;
  return first !== undefined && others.length === 0 ? first : Buffer.concat(pieces);
}

/** Bytes of the message that `typeUrl` names; maps come out in the order of their keys. */
export function encodeMessage(typeUrl: string, json: object, messages = root): Uint8Array {
  const type = messages.lookupType(typeUrl.slice(typeUrl.indexOf('/') + 1));
  const codec: Codec<object> = type;
  return ownMemory(codec.encode(protojson.fromJson(type, sorted(json))).finish());
}

type RouteTable = { readonly name?: unknown; readonly virtual_hosts?: readonly object[] };

const VIRTUAL_HOST = 'type.googleapis.com/envoy.config.route.v3.VirtualHost';

/** Tag of `virtual_hosts`, field 2 of a `RouteConfiguration`, length-delimited. */
const virtualHostTag = (2 << 3) | 2;

/** Some hosts of a table, their bytes and the hash of these. */
type Piece = { readonly hosts: readonly object[]; readonly bytes: Uint8Array; readonly digest: string };

/** How many hosts a piece has; the hash of a table depends on it. */
const HOSTS = 32;

/** What the virtual hosts of a table were put together of. */
const tablePieces = new WeakMap<readonly object[], readonly Piece[]>();

/**
 * A route table holds all hosts, and an edit changes one: its bytes are those of its parts, put together in the order of
 * the fields' numbers (`name` is 1), as an encoder would, and its hash is that of the hashes of its pieces.
 */
function encodeRoutes(table: RouteTable, before?: SnapshotResource): Encoded {
  const { name, virtual_hosts = [], ...rest } = table;
  const old: RouteTable = before?.json ?? {};
  const known = tablePieces.get(old.virtual_hosts ?? []) ?? [];
  const hosts: Piece[] = [];
  for (let at = 0; at < virtual_hosts.length; at += HOSTS) {
    const own = virtual_hosts.slice(at, at + HOSTS);
    const same = known[hosts.length];
    hosts.push(same !== undefined && sameItems(same.hosts, own) ? same : pieceOf(own));
  }
  tablePieces.set(virtual_hosts, hosts);
  const [head, tail] = [encodeMessage(ROUTES, { name }), encodeMessage(ROUTES, rest)];
  const digests = [sha256(head), ...hosts.map(({ digest }) => digest), sha256(tail)];
  return { pieces: [head, ...hosts.map(({ bytes }) => bytes), tail], digest: sha256(digests.join('')) };
}

/** By the first of its hosts: most pieces of a table are those of the tables for other namespaces too. */
const piecesFrom = new WeakMap<object, Piece>();

function pieceOf(hosts: readonly object[]): Piece {
  const first = must(hosts[0]);
  const known = piecesFrom.get(first);
  const piece = known !== undefined && sameItems(known.hosts, hosts) ? known : encodePiece(hosts);
  piecesFrom.set(first, piece);
  return piece;
}

function encodePiece(hosts: readonly object[]): Piece {
  const writer = protobuf.Writer.create();
  for (const host of hosts) writer.uint32(virtualHostTag).bytes(encodeVirtualHost(host));
  const bytes = ownMemory(writer.finish());
  return { hosts, bytes, digest: sha256(bytes) };
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

/** Lists in which each stands once, and in order. */
const distincts = new WeakSet<readonly Reference[]>();

/** Each once, in order. */
export function distinct(references: readonly Reference[]): readonly Reference[] {
  if (distincts.has(references)) return references;
  const found = findDistinct(references);
  distincts.add(found);
  return found;
}

/** A list of `distinct` with these added and taken away; a few of very many. */
export function distinctAgain(
  references: readonly Reference[],
  gained: readonly Reference[],
  lost: readonly Reference[],
): readonly Reference[] {
  const all = references.slice();
  const isThere = (at: number, one: Reference) => all[at] !== undefined && inOrder(all[at], one) === 0;
  let changes = 0;
  for (const one of lost) {
    const at = placeOf(all, one);
    if (isThere(at, one)) changes += all.splice(at, 1).length;
  }
  for (const one of gained) {
    const at = placeOf(all, one);
    if (isThere(at, one)) continue;
    all.splice(at, 0, one);
    changes += 1;
  }
  if (changes === 0) return references;
  distincts.add(all);
  return all;
}

/** Index of the first that does not come before `one`. */
function placeOf(all: readonly Reference[], one: Reference): number {
  let [start, end] = [0, all.length];
  while (start < end) {
    const middle = (start + end) >> 1;
    const other = all[middle];
    if (other !== undefined && inOrder(other, one) < 0) start = middle + 1;
    else end = middle;
  }
  return start;
}

function inOrder(left: Reference, right: Reference): number {
  return byCodeUnit(left.typeUrl, right.typeUrl) || byCodeUnit(left.name, right.name);
}

function findDistinct(references: readonly Reference[]): readonly Reference[] {
  const byType = new Map<TypeUrl, Map<string, Reference>>();
  for (const reference of references) {
    const byName = byType.get(reference.typeUrl) ?? new Map<string, Reference>();
    byType.set(reference.typeUrl, byName.set(reference.name, reference));
  }
  return [...byType.values()].flatMap((byName) => [...byName.values()]).sort(inOrder);
}

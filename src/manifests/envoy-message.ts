import type protobuf from 'protobufjs';
import protojson from 'protobufjs/ext/protojson.js';
import { envoyTypes } from '../generated/envoy-types.js';
import type { Finding } from './finding.ts';
import { nearest } from './nearest.ts';
import type { Path } from './types.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** A message as Envoy's documentation writes it, and what is wrong with it: then it is not to be used. */
export type Read<Value = Fields> = { readonly value: Value; readonly findings: readonly Finding[] };

/**
 * proto3 JSON of the message of Envoy that `name` names (`envoy.config.cluster.v3.Cluster`), with the fields' own names in
 * place of those of JSON. A wrong field, type or value is a finding at its place below `path`.
 */
export function readMessage(name: string, value: unknown, path: Path): Read {
  return readFields(envoyTypes().lookupType(name), value, path);
}

/** The name of the message in an `Any`: what stands behind the last `/` of its type. */
export function messageNameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
}

/** The message of a name; null: Envoy has none, or this does not know it. */
export function messageType(name: string): protobuf.Type | null {
  const root = envoyTypes();
  let found: protobuf.ReflectionObject | null = root;
  // `lookupType` alone would look for what is not there in every namespace: a file may name very many.
  for (const step of name.split('.')) {
    if (found === null || !('get' in found)) return null;
    found = (found as protobuf.Namespace).get(step);
  }
  return found !== null && 'fieldsArray' in found ? root.lookupType(name) : null;
}

function readFields(type: protobuf.Type, value: unknown, path: Path): Read {
  const name = nameOf(type);
  if (!isObject(value)) return wrong({ code: 'FL2107', message: `${name} is not an object`, path });
  const byName = fieldsOf(type);
  const entries: [string, unknown][] = [];
  const findings: Finding[] = [];
  for (const [key, inner] of Object.entries(value)) {
    const place = [...path, key];
    const field = byName.get(key);
    if (field === undefined) {
      findings.push(unknownField(name, key, [...byName.keys()], place));
      continue;
    }
    const read = readField(field, inner, place);
    findings.push(...read.findings);
    entries.push([protoName(field), read.value]);
  }
  return { value: Object.fromEntries(entries), findings: [...findings, ...rivals(type, entries, path)] };
}

/** Of the fields of a `oneof`, one at most can be said. */
function rivals(type: protobuf.Type, entries: readonly [string, unknown][], path: Path): readonly Finding[] {
  const said = new Set(entries.map(([name]) => name));
  return type.oneofsArray.flatMap(({ fieldsArray }): readonly Finding[] => {
    const both = fieldsArray.map(protoName).filter((name) => said.has(name));
    const message = `${nameOf(type)} has either ${both.join(' or ')}`;
    return both.length > 1 ? [{ code: 'FL2220', message, path }] : [];
  });
}

function unknownField(name: string, key: string, known: readonly string[], path: Path): Finding {
  const meant = nearest(key, known);
  const fix = meant === null ? {} : { fix: `did you mean ${meant}?` };
  return { code: 'FL2105', message: `${name} has no field ${key}`, path, on: 'key', ...fix };
}

function readField(field: protobuf.Field, value: unknown, path: Path): Read<unknown> {
  if (field.map) {
    if (!isObject(value)) return wrong({ code: 'FL2107', message: `${path.at(-1)} is not an object`, path });
    const all = Object.entries(value).map(([key, inner]) => {
      return [key, readValue(field, inner, [...path, key], { [key]: inner })] as const;
    });
    return {
      value: Object.fromEntries(all.map(([key, read]) => [key, read.value])),
      findings: all.flatMap(([, read]) => read.findings),
    };
  }
  if (!field.repeated) return readValue(field, value, path, value);
  if (!Array.isArray(value)) return wrong({ code: 'FL2107', message: `${path.at(-1)} is not a list`, path });
  const all = value.map((item: unknown, index) => readValue(field, item, [...path, index], [item]));
  return { value: all.map((read) => read.value), findings: all.flatMap((read) => read.findings) };
}

/** `alone`: what the field would be with nothing but this in it. */
function readValue(field: protobuf.Field, value: unknown, path: Path, alone: unknown): Read<unknown> {
  const type = field.resolvedType as protobuf.Type | protobuf.Enum | null;
  if (type !== null && 'fieldsArray' in type) {
    if (nameOf(type) === 'google.protobuf.Any') return readAny(value, path);
    if (!nameOf(type).startsWith('google.protobuf.')) return readFields(type, value, path);
  }
  if (value === null) return wrong({ code: 'FL2107', message: `${path.at(-1)} is empty`, path });
  try {
    protojson.fromJson(field.parent as protobuf.Type, { [field.name]: alone });
    return { value, findings: [] };
  } catch (error) {
    const reason = (error as Error).message.replace(/^[^:]*: /, '');
    return wrong({ code: 'FL2109', message: `${path.at(-1)}: ${reason}`.slice(0, 300), path });
  }
}

function readAny(value: unknown, path: Path): Read<unknown> {
  if (!isObject(value)) return wrong({ code: 'FL2107', message: `${path.at(-1)} is not an object`, path });
  const { '@type': typeUrl, ...rest } = value;
  if (typeUrl === undefined) return wrong({ code: 'FL2106', message: '@type is missing', path });
  const place = [...path, '@type'];
  if (typeof typeUrl !== 'string')
    return wrong({ code: 'FL2107', message: '@type is not text', path: place });
  const type = messageType(messageNameOf(typeUrl));
  if (type === null || !typeUrl.includes('/')) {
    return wrong({
      code: 'FL2290',
      message: `${typeUrl} is no type of Envoy that is known here`,
      path: place,
    });
  }
  // Google's own have their JSON in one field.
  const read = nameOf(type).startsWith('google.protobuf.')
    ? readGoogle(typeUrl, rest, path)
    : readFields(type, rest, path);
  return { value: { '@type': typeUrl, ...read.value }, findings: read.findings };
}

function readGoogle(typeUrl: string, rest: Fields, path: Path): Read {
  try {
    protojson.fromJson(envoyTypes().lookupType('google.protobuf.Any'), { '@type': typeUrl, ...rest });
    return { value: rest, findings: [] };
  } catch (error) {
    return wrong({ code: 'FL2109', message: (error as Error).message.slice(0, 300), path });
  }
}

function wrong(finding: Finding): Read {
  return { value: {}, findings: [finding] };
}

/** Places of values that protobuf cannot tell from nothing: a merge does not set them. */
export function defaultsIn(name: string, value: Fields, path: Path): readonly Path[] {
  const type = messageType(name);
  if (type === null) return [];
  const byName = fieldsOf(type);
  return Object.entries(value).flatMap(([key, inner]): readonly Path[] => {
    const field = byName.get(key);
    if (field === undefined) return [];
    const place = [...path, key];
    if (isDefault(field, inner)) return [place];
    if (field.repeated || field.map) return [];
    if (!isObject(inner) || field.resolvedType === null) return [];
    const typeUrl = inner['@type'];
    if (typeof typeUrl !== 'string')
      return defaultsIn(nameOf(field.resolvedType as protobuf.Type), inner, place);
    const { '@type': _, ...rest } = inner;
    return defaultsIn(messageNameOf(typeUrl), rest, place);
  });
}

/** Whether nothing is said by it: of a field that has no way to be absent. */
export function isDefault(field: protobuf.Field, value: unknown): boolean {
  if (field.repeated) return Array.isArray(value) && value.length === 0;
  if (field.partOf || field.map) return false;
  const type = field.resolvedType as protobuf.Type | protobuf.Enum | null;
  if (type === null) return String(value) === String(field.typeDefault);
  return 'valuesById' in type && (value === 0 || value === type.valuesById[0]);
}

const known = new WeakMap<protobuf.Type, ReadonlyMap<string, protobuf.Field>>();

/** By both of their names. */
export function fieldsOf(type: protobuf.Type): ReadonlyMap<string, protobuf.Field> {
  const found =
    known.get(type) ??
    new Map(
      type.fieldsArray.flatMap((field) => [
        [protoName(field), field],
        [field.name, field],
      ]),
    );
  known.set(type, found);
  return found;
}

export function protoName({ protoName: written, name }: protobuf.Field): string {
  return (written as string | undefined) ?? name;
}

/** Without the dot that protobufjs begins it with. */
function nameOf({ fullName }: protobuf.Type): string {
  return fullName.replace(/^\./, '');
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import { envoyFields, isDefault, messageNameOf, messageType, protoName } from '../manifests/index.ts';
import type { Change } from '../mesh/index.ts';

/** A message as proto3 JSON, or a part of one. */
export type Fields = Readonly<Record<string, unknown>>;

/** What becomes of a list that both have. */
type Lists = 'append' | 'replace';

/** The message of that name as a change of it leaves it. */
export function mergeChange(name: string, left: Fields, { patch }: Change['says']): Fields {
  const lists = patch.operation === 'MERGE_AND_REPLACE_LIST' ? 'replace' : 'append';
  return mergeMessage(name, left, patch.value ?? {}, lists);
}

/**
 * The message of that name with what another of its kind says (protobuf, "merge"): what is said is set, lists are appended
 * (or replaced), entries of maps replaced, and of the fields of a `oneof` the last stays. Defaults say nothing.
 */
function mergeMessage(name: string, left: Fields, right: Fields, lists: Lists): Fields {
  const type = messageType(name);
  if (type === null) return { ...left, ...right };
  const fields = envoyFields(type);
  const merged = new Map(Object.entries(left));
  for (const [key, value] of Object.entries(right)) {
    const field = fields.get(key);
    if (field === undefined || isDefault(field, value)) continue;
    for (const other of field.partOf?.fieldsArray ?? []) {
      if (other !== field) merged.delete(protoName(other));
    }
    merged.set(key, mergeValue(field, merged.get(key), value, lists));
  }
  return Object.fromEntries(merged);
}

type Field = Parameters<typeof isDefault>[0];

function mergeValue(field: Field, left: unknown, right: unknown, lists: Lists): unknown {
  if (left === undefined) return right;
  if (field.map) return { ...(left as Fields), ...(right as Fields) };
  if (field.repeated)
    return lists === 'replace' ? right : [...(left as readonly unknown[]), ...(right as readonly unknown[])];
  const { resolvedType } = field;
  if (resolvedType === null || !isFields(left) || !isFields(right)) return right;
  const name = resolvedType.fullName.replace(/^\./, '');
  if (name === 'google.protobuf.Any') return mergeAny(left, right, lists);
  return name.startsWith('google.protobuf.')
    ? mergeStruct(left, right)
    : mergeMessage(name, left, right, lists);
}

/** One of another type takes its place. */
function mergeAny(
  { '@type': former, ...left }: Fields,
  { '@type': typeUrl, ...right }: Fields,
  lists: Lists,
): Fields {
  const name = messageNameOf(String(typeUrl));
  const isSame = messageNameOf(String(former)) === name;
  return { '@type': typeUrl, ...(isSame ? mergeMessage(name, left, right, lists) : right) };
}

/** JSON without a type of its own. */
function mergeStruct(left: Fields, right: Fields): Fields {
  const entries = Object.entries(right).map(([key, value]): [string, unknown] => {
    const old = Object.hasOwn(left, key) ? left[key] : undefined;
    return [key, isFields(old) && isFields(value) ? mergeStruct(old, value) : value];
  });
  return { ...left, ...Object.fromEntries(entries) };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import { isDeepStrictEqual } from 'node:util';
import type { EnvoyPatch } from '../generated/schemas/index.ts';
import type { Fields } from './envoy-message.ts';

/**
 * Whether two changes of the same say something else, so that what comes of them depends on which is the last. What both
 * add or insert is there after both.
 */
export function contradict(one: EnvoyPatch, other: EnvoyPatch): boolean {
  if (one.applyTo !== other.applyTo || !isDeepStrictEqual(one.match ?? {}, other.match ?? {})) return false;
  const [left, right] = [one.patch, other.patch];
  const operations = new Set(
    [left, right].map(({ operation }) => (isMerge(operation) ? 'MERGE' : operation)),
  );
  if (operations.has('REMOVE')) return operations.has('MERGE') || operations.has('REPLACE');
  if (operations.has('REPLACE')) return operations.has('MERGE') || isReplacedTwice(left, right);
  return (
    operations.size === 1 &&
    operations.has('MERGE') &&
    differ(left.value ?? {}, right.value ?? {}, listsOf(left, right))
  );
}

function isMerge(operation: EnvoyPatch['patch']['operation']): boolean {
  return operation === 'MERGE' || operation === 'MERGE_AND_REPLACE_LIST';
}

function listsOf(left: EnvoyPatch['patch'], right: EnvoyPatch['patch']): 'append' | 'replace' {
  return left.operation === 'MERGE' && right.operation === 'MERGE' ? 'append' : 'replace';
}

function isReplacedTwice(left: EnvoyPatch['patch'], right: EnvoyPatch['patch']): boolean {
  return left.operation === right.operation && !isDeepStrictEqual(left.value, right.value);
}

/** Whether a field that both say has two values. Lists that are appended to each other never do. */
function differ(left: unknown, right: unknown, lists: 'append' | 'replace'): boolean {
  if (Array.isArray(left) || Array.isArray(right))
    return lists === 'replace' && !isDeepStrictEqual(left, right);
  if (!isFields(left) || !isFields(right)) return left !== right;
  return Object.entries(left).some(
    ([name, value]) => Object.hasOwn(right, name) && differ(value, right[name], lists),
  );
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

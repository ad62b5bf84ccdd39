import { isMap, isScalar, isSeq, type Scalar } from 'yaml';
import type { OffsetProblem } from './forbidden.ts';

/** YAML 1.1, and so kubectl, reads these as booleans, octal or sexagesimal numbers; YAML 1.2 does not. */
const otherwise =
  /^(y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF|[-+]?0[0-7_]+|[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+)$/;

/** Keys and values that are YAML but not plain data: no text as key, merge keys, keys given twice, numbers that JSON cannot hold, text that UTF-8 cannot. */
export function findUnsafe(node: unknown): readonly OffsetProblem[] {
  if (isScalar(node)) return inScalar(node);
  if (isSeq(node)) return node.items.flatMap(findUnsafe);
  if (!isMap(node)) return [];
  const seen = new Set<string>();
  return node.items.flatMap(({ key, value }) => [...inKey(key, seen), ...findUnsafe(value)]);
}

/** `seen`: the keys before it. */
function inKey(key: unknown, seen: Set<string>): readonly OffsetProblem[] {
  const offset = (key as { range?: readonly number[] } | null)?.range?.[0] ?? 0;
  const value = isScalar(key) ? keyText(key) : null;
  if (value === null) return [{ code: 'FL2011', message: 'the key is not text', offset }];
  if (value === '__proto__') return [{ code: 'FL2011', message: 'the key __proto__ is reserved', offset }];
  if (value === '<<') return [{ code: 'FL2006', message: 'merge key <<', offset }];
  if (!value.isWellFormed()) return inScalar(key as Scalar);
  if (seen.has(value)) return [{ code: 'FL2003', message: `the key ${value} is given twice`, offset }];
  seen.add(value);
  return inScalar(key as Scalar);
}

/** Numbers and truth values that can be written in one way only are their text, as in Kubernetes (`8080:`); null: no text. */
function keyText({ value, source = '' }: Scalar): string | null {
  if (typeof value === 'string') return value;
  const isPlain = typeof value === 'number' ? isExact(value) : typeof value === 'boolean';
  return isPlain && String(value) === source ? source : null;
}

function inScalar(scalar: Scalar): readonly OffsetProblem[] {
  const offset = scalar.range?.[0] ?? 0;
  const { value, source = '' } = scalar;
  if (typeof value === 'string' && !value.isWellFormed()) {
    const message = 'the text has an escape that is half of a character (a lone surrogate)';
    return [{ code: 'FL2002', message, offset }];
  }
  if (typeof value === 'number' && !isExact(value)) {
    return [{ code: 'FL2012', message: `${source} is not a number that JSON holds exactly`, offset }];
  }
  if (scalar.type !== 'PLAIN' || !otherwise.test(source)) return [];
  return [
    {
      code: 'FL2014',
      message: `${source} is ${JSON.stringify(value)} here, but not for YAML 1.1 tools`,
      offset,
    },
  ];
}

function isExact(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

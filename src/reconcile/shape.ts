/** Strict parsing of what a file or a peer says: exactly what is written here, or nothing. */
export type Check = (value: unknown) => boolean;

export const is =
  (expected: string): Check =>
  (value) =>
    value === expected;
export const oneOf =
  (...choices: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && choices.includes(value);
export const isText: Check = (value) => typeof value === 'string' && value !== '';
export const isId: Check = (value) => typeof value === 'string' && /^[0-9a-f]{40}$/.test(value);
export const isDigest: Check = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
export const isSeq: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 1;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Exactly these members, each as its check has it. */
export function closed(members: Readonly<Record<string, Check>>): Check {
  const names = Object.keys(members);
  return (value) =>
    isRecord(value) &&
    Object.keys(value).length === names.length &&
    names.every((name) => Object.hasOwn(value, name) && members[name]?.(value[name]) === true);
}

export function mapOf(key: Check, check: Check): Check {
  return (value) =>
    isRecord(value) && Object.entries(value).every(([name, entry]) => key(name) && check(entry));
}

export function listOf(check: Check, max: number): Check {
  return (value) => Array.isArray(value) && value.length <= max && value.every(check);
}

export function orNull(check: Check): Check {
  return (value) => value === null || check(value);
}

/** Printable, on one line: it is shown on terminals and in logs. */
export function isLine(max: number): Check {
  return (value) => typeof value === 'string' && value !== '' && value.length <= max && !/\p{C}/u.test(value);
}

/** What a text holds as JSON; undefined where it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

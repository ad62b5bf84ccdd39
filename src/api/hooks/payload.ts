import type { Delivery } from './provider.ts';

/** A value of JSON at a path, or undefined: a payload is never more than a hint, so another form is no error. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, name) => {
    const isObject = typeof inner === 'object' && inner !== null && Object.hasOwn(inner, name);
    return isObject ? (inner as Readonly<Record<string, unknown>>)[name] : undefined;
  }, value);
}

/** The payload; undefined where it is no JSON. Forges send it as the body, or as the field `payload` of a form. */
export function payloadOf({ header, body }: Delivery): unknown {
  const isForm = header('content-type').startsWith('application/x-www-form-urlencoded');
  const text = body.toString('utf8');
  try {
    return JSON.parse(isForm ? (new URLSearchParams(text).get('payload') ?? '') : text);
  } catch {
    return undefined;
  }
}

/** Of the `ref` of a push, the branch; a tag is none. Null where it does not say. */
export function branchesOfRef(delivery: Delivery): readonly string[] | null {
  const ref = at(payloadOf(delivery), 'ref');
  if (typeof ref !== 'string') return null;
  return ref.startsWith('refs/heads/') ? [ref.slice('refs/heads/'.length)] : [];
}

import { isAlias, isMap, isNode, isScalar, Lexer, parseAllDocuments, visit } from 'yaml';
import type { Ruleset } from './ruleset.ts';

/** What a governance file says, or why it says nothing (G12). */
export type Data =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string };

const MAX_DEPTH = 64;
const DEEP = `nested deeper than ${MAX_DEPTH} levels`;

/**
 * Reads one governance file by G12: UTF-8, YAML 1.2 core, one document; no duplicate keys, anchors, aliases,
 * tags, merge keys or `__proto__`. Caps are checked before the parser sees a byte, so that no input can make
 * one machine give up where another does not.
 */
export function readData(bytes: Uint8Array, ruleset: Ruleset): Data {
  if (bytes.length > ruleset.governanceFileBytes)
    return no(`larger than ${ruleset.governanceFileBytes} bytes`);
  const text = decode(bytes);
  if (text === null) return no('not UTF-8');
  if (nestsDeeply(text)) return no(DEEP);
  try {
    return parse(text);
  } catch (error) {
    // The parser recurses: what `nestsDeeply` missed is far deeper than any schema allows, whatever the stack holds.
    if (error instanceof RangeError) return no(DEEP);
    throw error;
  }
}

function parse(text: string): Data {
  const documents = parseAllDocuments(text, {
    version: '1.2',
    schema: 'core',
    merge: false,
    // The library compares every pair of keys; `refusedKey` looks them up.
    uniqueKeys: false,
    strict: true,
    prettyErrors: false,
  });
  const [document] = documents;
  if (!Array.isArray(documents) || documents.length !== 1 || document === undefined) {
    return no('not exactly one YAML document');
  }
  const [mistake] = [...document.errors, ...document.warnings];
  if (mistake !== undefined) return no(mistake.message.split('\n')[0] ?? 'not YAML');
  const refusal = refusedNode(document);
  if (refusal !== null) return no(refusal);
  return { ok: true, value: document.toJS({ maxAliasCount: 0 }) };
}

function no(reason: string): Data {
  return { ok: false, reason };
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Flow collections that are open at once, pairs in them (`[a: b: c`), and compact block levels of one line; the lexer does not recurse. */
function nestsDeeply(text: string): boolean {
  const pairs: number[] = [];
  let depth = 0;
  for (const token of new Lexer().lex(text)) {
    const last = pairs.length - 1;
    if (token === '[' || token === '{') {
      pairs.push(0);
      depth += 1;
    } else if (last < 0) continue;
    else if (token === ']' || token === '}') depth -= 1 + (pairs.pop() ?? 0);
    else if (token === ':') {
      pairs[last] = (pairs[last] ?? 0) + 1;
      depth += 1;
    } else if (token === ',') {
      depth -= pairs[last] ?? 0;
      pairs[last] = 0;
    }
    if (depth > MAX_DEPTH) return true;
  }
  return text.split('\n').some((line) => (/^[ \t?:-]*/.exec(line)?.[0].length ?? 0) > 2 * MAX_DEPTH);
}

function refusedNode(document: Parameters<typeof visit>[0]): string | null {
  let reason: string | null = null;
  visit(document, {
    Node(_key, node) {
      if (isAlias(node)) reason ??= 'a YAML alias';
      else if (node.anchor !== undefined) reason ??= 'a YAML anchor';
      else if (node.tag !== undefined) reason ??= 'a YAML tag';
      if (isMap(node)) reason ??= refusedKey(node.items.map((pair) => pair.key));
    },
  });
  return reason;
}

function refusedKey(keys: readonly unknown[]): string | null {
  const seen = new Set<string>();
  for (const key of keys) {
    if (!isNode(key) || !isScalar(key) || typeof key.value !== 'string') return 'a key that is not a string';
    if (key.value === '__proto__' || key.value === '<<') return `the key ${key.value}`;
    if (seen.has(key.value)) return `the key ${key.value} twice`;
    seen.add(key.value);
  }
  return null;
}

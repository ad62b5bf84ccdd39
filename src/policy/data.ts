import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  Lexer,
  Parser,
  visit,
} from 'yaml';
import { must } from '../base/must.ts';
import type { Ruleset } from './ruleset.ts';

/** What a governance file says, or why it says nothing (G12). */
export type Data =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string };

const MAX_DEPTH = 64;
const DEEP = `nested deeper than ${MAX_DEPTH} levels`;

/**
 * Reads one governance file. Enforces G12: UTF-8, YAML 1.2 core, one document; no duplicate keys, anchors, aliases,
 * tags, merge keys or `__proto__`. Caps are checked before the parser sees a byte, so that no input can make
 * one machine give up where another does not.
 */
export function readData(bytes: Uint8Array, ruleset: Ruleset): Data {
  if (bytes.length > ruleset.governanceFileBytes)
    return no(`larger than ${ruleset.governanceFileBytes} bytes`);
  const text = decode(bytes);
  if (text === null) return no('not UTF-8');
  if (INDENTED.test(text)) return no(DEEP);
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof Mistake) return no(placed(text, error.offset, error.message));
    // The composer recurses: what `depthOf` missed is far deeper than any schema allows, whatever the stack holds.
    if (error instanceof RangeError) return no(DEEP);
    throw error;
  }
}

/** Ends reading at once: the library would go on and make an error of every byte (attack 77). */
class Mistake extends Error {
  /** In characters; null for what stands nowhere in particular. */
  readonly offset: number | null;

  constructor(reason: string, offset: number | null) {
    super(reason);
    this.offset = offset;
  }
}

/** `3:7: reason`: line and column, from 1. */
function placed(text: string, offset: number | null, reason: string): string {
  if (offset === null) return reason;
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return `${line}:${offset - before.lastIndexOf('\n')}: ${reason}`;
}

/** As the library says where a mistake is: an offset, where a range begins, or a token. */
type Place = number | readonly [from: number, to: number] | { readonly offset: number };

function offsetOf(at: Place): number {
  if (typeof at === 'number') return at;
  return 'offset' in at ? at.offset : at[0];
}

const INDENTED = new RegExp(`^[ \\t?:-]{${2 * MAX_DEPTH + 1}}`, 'm');

function parse(text: string): Data {
  // The library compares every pair of keys; `refusedKey` looks them up.
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    merge: false,
    uniqueKeys: false,
    strict: true,
  });
  // Private, and the one way to stop at the first mistake; the library catches it, and reports it at each node around it.
  let first: Mistake | null = null;
  Reflect.set(composer, 'onError', (at: Place, _code: unknown, reason: string) => {
    first ??= new Mistake(reason, offsetOf(at));
    throw first;
  });
  const documents: Document.Parsed[] = [];
  for (const token of tokensOf(text)) {
    if (token.type === 'error') throw new Mistake(token.message, token.offset);
    documents.push(...composer.next(token));
    if (documents.length > 1) break;
  }
  documents.push(...composer.end());
  const [document] = documents;
  if (documents.length !== 1 || document === undefined) return no('not exactly one YAML document');
  refuseNodes(document);
  return { ok: true, value: document.toJS({ maxAliasCount: 0 }) };
}

/** Lexer and parser do not recurse; what they give is looked at before the composer, which does, sees any of it. */
function* tokensOf(text: string): Generator<CST.Token> {
  const parser = new Parser();
  const depth = depthOf();
  for (const lexeme of new Lexer().lex(text)) {
    if (depth(lexeme) > MAX_DEPTH) throw new Mistake(DEEP, null);
    yield* parser.next(lexeme);
  }
  yield* parser.end();
}

function no(reason: string): Data {
  return { ok: false, reason: visible(reason) };
}

/** What others wrote, in a reason: on one line, of letters that everybody sees, and not much of it. */
export function visible(text: string): string {
  const shown = text.replace(/[^ -~]/g, '?');
  return shown.length > LONGEST ? `${shown.slice(0, LONGEST)}…` : shown;
}

const LONGEST = 200;

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Flow collections that are open at once, and pairs in them (`[a: b: c`). */
function depthOf(): (lexeme: string) => number {
  const open: { pairs: number }[] = [];
  let depth = 0;
  return (lexeme) => {
    const last = open.at(-1);
    if (lexeme === '[' || lexeme === '{') {
      open.push({ pairs: 0 });
      depth += 1;
    } else if (last === undefined) return 0;
    else if (lexeme === ']' || lexeme === '}') {
      depth -= 1 + last.pairs;
      open.pop();
    } else if (lexeme === ':') {
      last.pairs += 1;
      depth += 1;
    } else if (lexeme === ',') {
      depth -= last.pairs;
      last.pairs = 0;
    }
    return depth;
  };
}

/** Throws `Mistake` at the first node that G12 leaves out. */
function refuseNodes(document: Parameters<typeof visit>[0]): void {
  visit(document, {
    Node(_key, node) {
      const [start] = must(node.range);
      // One that nothing resolves is no mistake to the composer: reading its value would throw.
      if (isAlias(node)) throw new Mistake('a YAML alias', start);
      if (node.anchor !== undefined) throw new Mistake('a YAML anchor', start);
      if (node.tag !== undefined) throw new Mistake('a YAML tag', start);
      if (isMap(node)) refuseKeys(node.items.map((pair) => pair.key));
    },
  });
}

function refuseKeys(keys: readonly unknown[]): void {
  const seen = new Set<string>();
  for (const key of keys) {
    if (!isNode(key)) throw new Mistake('a key that is missing', null);
    const [start] = must(key.range);
    if (!isScalar(key) || typeof key.value !== 'string')
      throw new Mistake('a key that is not a string', start);
    if (key.value === '__proto__' || key.value === '<<') throw new Mistake(`the key ${key.value}`, start);
    if (seen.has(key.value)) throw new Mistake(`the key ${key.value} twice`, start);
    seen.add(key.value);
  }
}

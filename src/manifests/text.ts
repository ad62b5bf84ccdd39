import {
  Composer,
  type CST,
  type Document,
  isMap,
  isScalar,
  Lexer,
  LineCounter,
  type Node,
  Parser,
} from 'yaml';
import type { Code } from './codes.ts';
import { type Finding, gravest, warnings } from './finding.ts';
import { findForbidden, type OffsetProblem } from './forbidden.ts';
import { keyPositionOf, type Outline, outlineOf, type Place, positionAt, positionOf } from './position.ts';
import type { Path, Position } from './types.ts';
import { findUnsafe } from './unsafe.ts';

/** A mistake at a place of a file. */
export type TextProblem = Omit<Finding, 'path'> & { readonly position: Position };

/** One document, as data and as text. */
export type TextDocument = {
  readonly value: Readonly<Record<string, unknown>>;
  readonly position: Position;
  /** What is left of the nodes where nobody keeps them. */
  readonly outline: Outline;
  at(path: Path): Position;
  keyAt(path: Path): Position;
};

export type Text = { readonly documents: readonly TextDocument[]; readonly problems: readonly TextProblem[] };

const maxBytes = 1024 * 1024;
const maxDocuments = 1000;
/** What a parser makes of one takes some 2 µs: a file of `maxBytes` full of manifests has less than 500,000. */
const maxLexemes = 600_000;
/** Of a file that may be larger than others: what a parser makes of them takes some 2 GiB. */
const maxLexemesOfLarge = 6_000_000;
/** No text has more of them for each of its bytes. */
const lexemesPerByte = 2;
const start: Position = { line: 1, column: 1 };
const nothing: Text = { documents: [], problems: [] };
const composing = {
  version: '1.2',
  schema: 'core',
  merge: false,
  // `findUnsafe` does it: the parser's own test takes quadratic time.
  uniqueKeys: false,
  logLevel: 'silent',
  prettyErrors: false,
} as const;

/**
 * Reads YAML 1.2 core (`.json` files: JSON), several documents per file. A document with a mistake is left out, the
 * others stay: only what concerns the whole file (encoding, size, number of documents) leaves out all of them.
 */
export function readText(bytes: Uint8Array, format: 'yaml' | 'json', limitBytes = maxBytes): Text {
  const text = decode(bytes);
  if (bytes.byteLength > limitBytes) return refused('FL2007', `the file has ${bytes.byteLength} bytes`);
  if (text === null) return refused('FL2001', 'the file is not UTF-8');
  if (format === 'json' && !isJson(text)) return refused('FL2002', 'the file is not JSON');
  const limit = limitBytes > maxBytes ? maxLexemesOfLarge : maxLexemes;
  if (hasMoreThan(limit, text)) return refused('FL2007', `the file has more than ${limit} words and signs`);
  const chunks = split(text);
  if (chunks.length > maxDocuments) return refused('FL2009', `more than ${maxDocuments} documents`);
  const lines = linesOf(text);
  let isAfterDirective = false;
  const read = chunks.map((chunk) => {
    const { kept, problems, endsInDirective } = findForbidden([...new Parser().parse(chunk.text)]);
    const composed = isAfterDirective ? nothing : compose(kept, { lines, base: chunk.base });
    isAfterDirective = endsInDirective;
    return {
      ...composed,
      problems: [...located(problems, { lines, base: chunk.base }), ...composed.problems],
    };
  });
  return {
    documents: read.flatMap(({ documents }) => documents),
    problems: read.flatMap(({ problems }) => problems),
  };
}

type Chunk = { readonly text: string; readonly base: number };

/**
 * Cuts before each `---` at the start of a line, which YAML allows nowhere inside a document (c-forbidden): so an
 * unclosed quote ends where the next document begins.
 */
function split(text: string): readonly Chunk[] {
  const cuts = [...text.matchAll(/(?<![^\n])---(?=[ \t\r\n]|$)/g)].map(({ index }) => index);
  const starts = [0, ...cuts.filter((cut) => cut > 0)];
  return starts.map((base, index) => ({ base, text: text.slice(base, starts[index + 1]) }));
}

function linesOf(text: string): LineCounter {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (const { index } of text.matchAll(/\n/g)) lines.addNewLine(index + 1);
  return lines;
}

function compose(tokens: readonly CST.Token[], place: Place): Text {
  const documents = untraced(() => [...new Composer(composing).compose(tokens)]);
  const found = documents.map((document) => readDocument(document, place));
  return {
    documents: found.flatMap(({ documents }) => documents),
    problems: found.flatMap(({ problems }) => problems),
  };
}

/** Nobody reads the stacks of a parser's errors, and to write them takes ten times as long as to find a million errors. */
function untraced<T>(make: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function readDocument(document: Document.Parsed, place: Place): Text {
  const [error] = document.errors;
  if (error !== undefined) return refused('FL2002', error.message, positionAt(place, error.pos[0]));
  const root = document.contents;
  if (root === null || isEmpty(root)) return nothing;
  const at = (path: Path): Position => positionOf({ ...place, root }, path);
  const keyAt = (path: Path): Position => keyPositionOf({ ...place, root }, path);
  if (!isMap(root)) return refused('FL2010', 'the document is not a mapping', at([]));
  const problems = located(gravest(findUnsafe(root)), place);
  if (problems.some(({ code }) => !warnings.has(code))) return { documents: [], problems };
  const value = document.toJS({ maxAliasCount: 0 }) as Readonly<Record<string, unknown>>;
  return {
    documents: [{ value, position: at([]), outline: outlineOf({ ...place, root }), at, keyAt }],
    problems,
  };
}

function located(problems: readonly OffsetProblem[], place: Place): readonly TextProblem[] {
  return problems.map(({ offset, ...rest }) => ({ ...rest, position: positionAt(place, offset) }));
}

/** Nothing but comments between two `---`. */
function isEmpty(root: Node): boolean {
  return isScalar(root) && root.value === null && (root.source ?? '') === '';
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function hasMoreThan(limit: number, text: string): boolean {
  if (text.length * lexemesPerByte <= limit) return false;
  return new Lexer().lex(text).drop(limit).next().done !== true;
}

function refused(code: Code, message: string, position: Position = start): Text {
  return { documents: [], problems: [{ code, message, position }] };
}

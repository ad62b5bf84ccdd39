import { objectMalformed } from './failures.ts';
import type { ObjectId } from './objects.ts';

/** The one signature of a commit: its armour, and the bytes it is over (the raw object minus that header). */
export type CommitSignature = {
  readonly format: 'ssh' | 'openpgp' | 'unknown';
  /** The armoured text, header continuation removed; each line ends in LF. */
  readonly armor: string;
  readonly signed: Uint8Array;
};

/** A commit as its raw bytes say it (G1). */
export type Commit = {
  readonly id: ObjectId;
  readonly tree: ObjectId;
  readonly parents: readonly ObjectId[];
  /** Name and mail of the author header, for people only: never evidence. */
  readonly author: string;
  /** Raw message bytes after the first blank line. */
  readonly message: Uint8Array;
  /** Null where there is none, and always where there is a `refusal`: nobody can use it by oversight. */
  readonly signature: CommitSignature | null;
  /** Why this commit can never be a vote (G1), or null. It is history all the same. */
  readonly refusal: string | null;
};

/** One header; `start` and `end` are offsets into the raw object, continuation lines and last LF included. */
type Header = {
  readonly name: string;
  readonly value: string;
  readonly more: readonly string[];
  readonly start: number;
  readonly end: number;
};

/**
 * Splits the raw bytes of a commit object (without git's object header): no git, no library. Enforces G1.
 * Throws `Failure` `object-malformed` if tree or parents cannot be read as git reads them.
 */
export function parseCommit(id: ObjectId, raw: Uint8Array): Commit {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const history = readHistory(bytes);
  const { end } = history ?? { end: 0 };
  if (history === null || (bytes.toString('latin1', end, end + 7) === 'parent ' && raw.length - end > 47))
    throw objectMalformed(id, 'commit');
  const ids = {
    id,
    tree: history.tree.toLowerCase(),
    parents: history.parents.map((parent) => parent.toLowerCase()),
  };
  const blank = bytes.indexOf('\n\n');
  const start = blank < 0 ? bytes.length : blank + 2;
  if (raw.length > COMMIT_BYTES) return { ...ids, ...bomb(bytes, start) };
  const head = bytes.toString('latin1', 0, blank < 0 ? bytes.length : blank + 1);
  const headers = splitHeaders(head, end);
  const refusal = refusalOf(bytes, blank, head.slice(0, end), headers);
  return {
    ...ids,
    author: person(headers[0]),
    message: ownBytes(bytes.subarray(start)),
    signature: refusal === null ? signatureOf(bytes, headers) : null,
    refusal,
  };
}

/** Beyond, a commit is history and nothing else: no honest one comes near, and what it signs is kept for as long as the line is. */
const COMMIT_BYTES = 1024 * 1024;

/** Its armour: the largest signature that may count has a third of it. */
const SIGNATURE_BYTES = 8 * 1024;

/** As much of such a commit's message as shows that it is over every cap. */
const KEPT_BYTES = 128 * 1024;

function bomb(bytes: Buffer, start: number): Pick<Commit, 'author' | 'message' | 'signature' | 'refusal'> {
  const message = ownBytes(bytes.subarray(start, start + KEPT_BYTES));
  return { author: '', message, signature: null, refusal: `is larger than ${COMMIT_BYTES} bytes` };
}

/**
 * What git itself takes for the history: the first line, and the lines right after it that begin with `parent`. One line
 * at a time: a commit may have more parents than a pattern can repeat.
 */
function readHistory(bytes: Buffer) {
  const [start = '', tree] = /^tree ([0-9a-fA-F]{40})\n/.exec(bytes.toString('latin1', 0, 46)) ?? [];
  if (tree === undefined) return null;
  const parents: string[] = [];
  let end = start.length;
  for (;;) {
    const [line, parent] = /^parent ([0-9a-fA-F]{40})\n/.exec(bytes.toString('latin1', end, end + 48)) ?? [];
    if (line === undefined || parent === undefined) return { tree, parents, end };
    parents.push(parent);
    end += line.length;
  }
}

function splitHeaders(head: string, from: number): readonly Header[] {
  const headers: { name: string; value: string; more: string[]; start: number; end: number }[] = [];
  let start = from;
  while (start < head.length) {
    const feed = head.indexOf('\n', start);
    const end = feed < 0 ? head.length : feed + 1;
    const line = head.slice(start, feed < 0 ? end : feed);
    const last = headers.at(-1);
    if (line.startsWith(' ') && last !== undefined) {
      last.more.push(line.slice(1));
      last.end = end;
    } else {
      const space = line.indexOf(' ');
      const name = space < 0 ? line : line.slice(0, space);
      headers.push({ name, value: space < 0 ? '' : line.slice(space + 1), more: [], start, end });
    }
    start = end;
  }
  return headers;
}

/** The first clause of G1 that the commit breaks, in words, or null. */
function refusalOf(bytes: Buffer, blank: number, start: string, headers: readonly Header[]): string | null {
  if (bytes.includes(0)) return 'contains a NUL byte';
  if (bytes.includes(13)) return 'contains a carriage return';
  if (blank < 0) return 'has no blank line after its headers';
  if (/[A-F]/.test(start)) return 'names tree or parents in upper case';
  const [author, committer, ...others] = headers;
  if (author?.name !== 'author' || author.more.length > 0) return 'has no author line after tree and parents';
  if (committer?.name !== 'committer' || committer.more.length > 0)
    return 'has no committer line after author';
  return others.map(headerRefusal).find((reason) => reason !== null) ?? repetition(others);
}

function headerRefusal({ name, value, more }: Header): string | null {
  if (!/^[a-z][a-z0-9-]*$/.test(name)) return `has a malformed header ${JSON.stringify(name)}`;
  if (['tree', 'parent', 'author', 'committer'].includes(name))
    return `has a second or misplaced ${name} header`;
  if (name.startsWith('gpgsig') && name !== 'gpgsig') return `has a second kind of signature header, ${name}`;
  if (name === 'gpgsig' && [value, ...more].join('\n').length > SIGNATURE_BYTES)
    return `has a signature of more than ${SIGNATURE_BYTES} bytes`;
  if (name === 'encoding' && !(/^utf-?8$/i.test(value) && more.length === 0))
    return 'is not encoded in UTF-8';
  return null;
}

function repetition(headers: readonly Header[]): string | null {
  const count = (name: string) => headers.filter((header) => header.name === name).length;
  if (count('gpgsig') > 1) return 'has more than one signature header';
  return count('encoding') > 1 ? 'has more than one encoding header' : null;
}

function signatureOf(bytes: Buffer, headers: readonly Header[]): CommitSignature | null {
  const header = headers.find(({ name }) => name === 'gpgsig');
  if (header === undefined) return null;
  const { value, more, start, end } = header;
  return {
    format: FORMATS.get(value) ?? 'unknown',
    armor: [value, ...more].map((line) => `${line}\n`).join(''),
    signed: ownBytes(bytes.subarray(0, start), bytes.subarray(end)),
  };
}

/** A commit is kept for as long as its line is: it must not hold the pack, or Node's pool, that its bytes were read into. */
function ownBytes(...parts: readonly Buffer[]): Buffer {
  const own = Buffer.alloc(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) at += part.copy(own, at);
  return own;
}

const FORMATS: ReadonlyMap<string, 'ssh' | 'openpgp'> = new Map([
  ['-----BEGIN SSH SIGNATURE-----', 'ssh'],
  ['-----BEGIN PGP SIGNATURE-----', 'openpgp'],
]);

function person(header: Header | undefined): string {
  const value = header?.name === 'author' ? header.value : '';
  return Buffer.from(value.slice(0, value.lastIndexOf('>') + 1) || value, 'latin1').toString('utf8');
}

import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { createBatchParser } from '../../src/git/batch-parser.ts';

const ID = '0123456789abcdef0123456789abcdef01234567';

function parse(chunks: readonly (string | Buffer)[]): string[] {
  const answers: string[] = [];
  const parser = createBatchParser(({ type, bytes }) => answers.push(`${type}:${Buffer.from(bytes)}`));
  for (const chunk of chunks) parser(Buffer.from(chunk));
  return answers;
}

const output = `${ID} blob 5\na\nb\nc\n${ID} missing\n${ID} commit 0\n\n${ID} tree 3\nxyz\n`;
const answers = ['blob:a\nb\nc', 'missing:', 'commit:', 'tree:xyz'];

test('answers in order, whatever their bytes look like', () => {
  expect(parse([output])).toEqual(answers);
  const bytes = `${ID} missing\n`;
  expect(parse([`${ID} blob ${bytes.length}\n${bytes}\n${ID} missing\n`])).toEqual([
    `blob:${bytes}`,
    'missing:',
  ]);
});

test('however the output is cut', () => {
  for (let at = 0; at <= output.length; at += 1) {
    expect(parse([output.slice(0, at), output.slice(at)])).toEqual(answers);
  }
  expect(parse([...output])).toEqual(answers);
});

test('an object does not keep its chunk alive', () => {
  const kept: Uint8Array[] = [];
  createBatchParser(({ bytes }) => kept.push(bytes))(Buffer.from(output));
  expect(kept.map(({ buffer }) => buffer.byteLength)).toEqual([5, 0, 0, 3]);
});

test('G17: what is larger than any cap allows is hashed as it comes, and takes no memory', () => {
  const size = 300 * 1024 * 1024;
  const zeros = Buffer.alloc(1024 * 1024);
  const hash = createHash('sha1').update(`blob ${size}\0`);
  for (let at = 0; at < size; at += zeros.length) hash.update(zeros);
  for (const [id, type] of [
    [hash.digest('hex'), 'oversize'],
    [ID, 'blob'],
  ]) {
    const kept: { readonly type: string; readonly bytes: Uint8Array }[] = [];
    const parser = createBatchParser((reply) => kept.push(reply));
    parser(Buffer.from(`${id} blob ${size}\n`));
    for (let at = 0; at < size; at += zeros.length) parser(zeros);
    parser(Buffer.from(`\n${output}`));
    expect(kept[0]).toMatchObject({ type, bytes: { length: 0 } });
    expect(kept).toHaveLength(5);
  }
});

test('G17: an announced size takes no memory before its bytes are there', () => {
  expect(parse([`${ID} blob 1000000000000000\n`, 'a'])).toEqual([]);
});

test.each([
  ['no answer at all', 'fatal: not a git repository\n'],
  ['another type', `${ID} wish 3\nabc\n`],
  ['a size that is none', `${ID} blob -3\nabc\n`],
  ['more bytes than announced', `${ID} blob 2\nabc\n`],
  ['an endless line', 'a'.repeat(1000)],
])('broken framing: %s', (_name, text) => {
  expect(() => parse([text])).toThrow('git cat-file');
});

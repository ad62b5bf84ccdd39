import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { read } from './scope.ts';

/** The documents of two articles, as they stand there, and the table that says what becomes of each. */

const tests = join(import.meta.dirname, '..');
const folder = join(tests, 'golden/seeds');
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.yaml'),
);
const page = readFileSync(join(folder, 'README.md'), 'utf8');
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => {
    const [file = '', kind = '', outcome = '', note = '', shown = ''] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', ''));
    return { file, kind, outcome, note, shown };
  });

test('every document has its row, and 25 of them are whole', () => {
  expect(rows.map(({ file }) => file).sort()).toEqual(files.toSorted());
  expect(files.filter((file) => !file.startsWith('fragments/'))).toHaveLength(25);
});

describe.each(rows)('$file', ({ file, kind, outcome, note, shown }) => {
  const text = readFileSync(join(folder, file), 'utf8');

  test(`${kind}: ${outcome}`, () => {
    const { resources, problems } = read({ 'a.yaml': text });
    const codes = [...new Set(problems.map(({ code }) => code))];
    const said = resources.length === 1 ? ['honoured', ...codes] : codes;
    expect([parse(text).kind, said.join(', ')]).toEqual([kind, outcome]);
  });

  test(outcome.startsWith('honoured') ? `is shown by ${shown}` : 'says what is missing', () => {
    if (!outcome.startsWith('honoured')) return expect(note).not.toBe('');
    const [, name = '', title = ''] = /^([\w/-]+): (.+)$/.exec(shown) ?? [];
    const path = join(tests, `${name}.test.ts`);
    expect(existsSync(path)).toBe(true);
    expect(readFileSync(path, 'utf8')).toContain(`${title}'`);
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { codes, warnings } from '../../src/mesh/codes.ts';

test('docs/problems.md lists every code of this room, with its severity and fix, and no other', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/problems.md'), 'utf8');
  const rows = page.split('\n').filter((line) => /^\| *FL3\d{3} /.test(line));
  const listed = rows.map((row) =>
    row
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, -1),
  );
  const known = Object.entries(codes).map(([code, { title, fix }]) => {
    return [code, (warnings as ReadonlySet<string>).has(code) ? 'warning' : 'error', title, fix];
  });
  expect(listed).toEqual(known);
});

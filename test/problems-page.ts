import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

type Codes = Readonly<Record<string, { readonly title: string; readonly fix: string }>>;

/** Of the codes that begin so, docs/problems.md lists those of the room, with severity and fix, and no other. */
export function expectListed(prefix: string, codes: Codes, warnings: ReadonlySet<string>): void {
  const page = readFileSync(join(import.meta.dirname, '../docs/problems.md'), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith(`| ${prefix}`));
  const listed = rows.map((row) =>
    row
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, -1),
  );
  const known = Object.entries(codes).map(([code, { title, fix }]) => {
    return [code, warnings.has(code) ? 'warning' : 'error', title, fix];
  });
  expect(listed).toEqual(known);
}

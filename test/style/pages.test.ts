import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packagePage } from '../../scripts/package-pages.ts';
import { leadsOn, linksOf } from '../pages.ts';

const root = join(import.meta.dirname, '../..');

/** Every page for people, relative to the repository. */
const pages = readdirSync(root, { withFileTypes: true })
  .flatMap((entry) => {
    if (entry.isFile()) return [entry.name];
    if (!['docs', 'src', 'test', 'examples-repo'].includes(entry.name)) return [];
    const inside = readdirSync(join(root, entry.name), { recursive: true, encoding: 'utf8' });
    return inside.map((name) => join(entry.name, name));
  })
  .filter((name) => name.endsWith('.md'));

test('each link of a page leads to a file or folder, and to a heading of it', () => {
  expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/operations.md', 'test/cli/first.md']));
  expect(pages.flatMap((page) => linksOf(root, page).filter((link) => !leadsOn(root, page, link)))).toEqual(
    [],
  );
});

test('the index of decisions has each of them', () => {
  const index = linksOf(root, 'docs/decisions/README.md');
  const decisions = readdirSync(join(root, 'docs/decisions')).filter((name) => /^\d/.test(name));
  expect(index.filter((link) => /^\d/.test(link)).sort()).toEqual(decisions.sort());
});

test('the README is read to its end: 120 lines of 160 columns', () => {
  const lines = readFileSync(join(root, 'README.md'), 'utf8').split('\n').slice(0, -1);
  expect(lines.length).toBeLessThanOrEqual(120);
  expect(lines.filter((line) => [...line].length > 160)).toEqual([]);
});

test('a page of the package links to what is there, and says where else the rest is', () => {
  const has = (path: string) => ['docs/a.md', 'docs', 'deploy'].includes(path);
  const text = [
    'See [a](a.md#b), [this](#c), [dashboards](../deploy/), [the site](https://a.example/b.md).',
    'Held by [`test/x.test.ts`](../test/x.test.ts), as [one](../test/one.md#two) shows.',
    '```md',
    '[one](../test/one.md)',
    '```',
    '[why](../test/cli)',
  ];
  const expected = text.with(1, 'Held by `test/x.test.ts`, as one (`test/one.md` in the repository) shows.');
  expect(packagePage('docs/b.md', text.join('\n'), has).split('\n')).toEqual(
    expected.with(5, 'why (`test/cli` in the repository)'),
  );
});

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

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
  expect(pages.flatMap((page) => linksOf(page).filter((link) => !leadsOn(page, link)))).toEqual([]);
});

test('the index of decisions has each of them', () => {
  const index = linksOf('docs/decisions/README.md');
  const decisions = readdirSync(join(root, 'docs/decisions')).filter((name) => /^\d/.test(name));
  expect(index.filter((link) => /^\d/.test(link)).sort()).toEqual(decisions.sort());
});

test('the README is read to its end: 120 lines of 160 columns', () => {
  const lines = text('README.md').split('\n').slice(0, -1);
  expect(lines.length).toBeLessThanOrEqual(120);
  expect(lines.filter((line) => [...line].length > 160)).toEqual([]);
});

function text(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

function linksOf(page: string): readonly string[] {
  const prose = text(page)
    .replace(/^(```+)[\s\S]*?^\1$/gm, '')
    .replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^https?:/.test(link));
}

function leadsOn(page: string, link: string): boolean {
  const [path = '', heading] = link.split('#');
  const target = path === '' ? page : relative(root, join(root, dirname(page), path));
  if (!existsSync(join(root, target))) return false;
  return heading === undefined || headingsOf(target).includes(heading);
}

/** As forges name them in links. */
function headingsOf(page: string): readonly string[] {
  return [...text(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/ /g, '-'),
  );
}

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What a page links to within its repository or package: no other site. */
export function linksOf(root: string, page: string): readonly string[] {
  const prose = readFileSync(join(root, page), 'utf8')
    .replace(/^(```+)[\s\S]*?^\1$/gm, '')
    .replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^https?:/.test(link));
}

/** To a file or folder, and to a heading of it. */
export function leadsOn(root: string, page: string, link: string): boolean {
  const [path = '', heading] = link.split('#');
  const target = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(root, target))) return false;
  return heading === undefined || headingsOf(join(root, target)).includes(heading);
}

/** As forges name them in links. */
function headingsOf(file: string): readonly string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/ /g, '-'),
  );
}

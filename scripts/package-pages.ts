import { posix } from 'node:path';

/** Blocks of code, which are no prose. */
const CODE = /^(```+)[\s\S]*?^\1$/gm;
/** `[text](target)`; the text may hold code, and no other link. */
const LINK = /\[((?:`[^`\n]*`|[^`[\]])*)\]\(([^)\s]+)\)/g;

/**
 * A page as the package has it: a link to what stays in the repository is its text, and where that is. `page` is its path, and
 * `has` knows the files and folders of the package by theirs.
 */
export function packagePage(page: string, text: string, has: (path: string) => boolean): string {
  const prose = (part: string) =>
    part.replaceAll(LINK, (link, words: string, target: string) => {
      const [path = ''] = target.split('#');
      const there = posix.join(posix.dirname(page), path).replace(/\/$/, '');
      if (path === '' || /^[a-z]+:/.test(target) || has(there)) return link;
      return words === `\`${there}\`` ? words : `${words} (\`${there}\` in the repository)`;
    });
  let at = 0;
  const parts: string[] = [];
  for (const code of text.matchAll(CODE)) {
    parts.push(prose(text.slice(at, code.index)), code[0]);
    at = code.index + code[0].length;
  }
  return [...parts, prose(text.slice(at))].join('');
}

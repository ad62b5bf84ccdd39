import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Context } from '../../src/cli/context.ts';
import { inspectFolder } from '../../src/cli/offline/mesh.ts';
import { codes as manifestCodes } from '../../src/manifests/codes.ts';
import { codes as meshCodes } from '../../src/mesh/codes.ts';

/**
 * Each page of docs/problems is read as a user's folder is: its first examples give the problems that comments name at
 * the ends of their lines, and no other; those under "Fix" give none. A block that begins with the comment
 * `# payments/routes.yaml` is that file; `latin1` and `repeated=1001` after ```yaml say how it is written to the disk, and
 * `<n>` is how often before, and `FL2007=1` where a problem is that no comment can name.
 */
const folder = join(import.meta.dirname, '../../docs/problems');
const codes = Object.entries({ ...manifestCodes, ...meshCodes });

type Block = {
  readonly file: string;
  readonly bytes: Buffer;
  /** `example.yaml:3 FL3301` */
  readonly problems: readonly string[];
};

function blockOf([, options = '', text = '']: readonly string[]): Block {
  const file = /^# (\S+\.(?:yaml|json))\n/.exec(text)?.[1] ?? 'example.yaml';
  const times = Number(/repeated=(\d+)/.exec(options)?.[1] ?? 1);
  const inComments = text.split('\n').flatMap((line, index) => {
    const named = / # (FL\d{4}(?: FL\d{4})*)$/.exec(line)?.[1]?.split(' ') ?? [];
    return named.map((code) => `${file}:${index + 1} ${code}`);
  });
  const inOptions = [...options.matchAll(/(FL\d{4})=(\d+)/g)].map(
    ([, code, line]) => `${file}:${line} ${code}`,
  );
  const all = Array.from({ length: times }, (_, index) => text.replaceAll('<n>', `${index}`)).join('');
  const bytes = Buffer.from(all, options.includes('latin1') ? 'latin1' : 'utf8');
  return { file, bytes, problems: [...inComments, ...inOptions] };
}

function blocksOf(section: string): readonly Block[] {
  return [...section.matchAll(/^```yaml([^\n]*)\n(.*?)^```$/gms)].map(blockOf);
}

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'fl-pages-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

async function found(name: string, blocks: readonly Block[]): Promise<readonly string[]> {
  const cwd = join(scratch, name);
  for (const { file, bytes } of blocks) {
    await mkdir(dirname(join(cwd, file)), { recursive: true });
    await writeFile(join(cwd, file), bytes);
  }
  const { problems } = await inspectFolder({ cwd } as Context, ['.']);
  // Said of each EnvoyFilter and CiliumEnvoyConfig, right ones, too: only its own page names it.
  const all = problems.filter(({ code }) => code !== 'FL3410' || name.startsWith(code));
  return all.map(({ file, line, code }) => `${file}:${line} ${code}`).sort();
}

async function pageOf(code: string): Promise<string> {
  return readFile(join(folder, `${code}.md`), 'utf8').catch(() => '');
}

test('each code has a page, and each page a code', async () => {
  const pages = (await readdir(folder)).map((name) => name.replace(/\.md$/, '')).sort();
  const wanted = codes.map(([code]) => code).sort();
  expect(
    wanted.filter((code) => !pages.includes(code)),
    'codes without docs/problems/<code>.md',
  ).toEqual([]);
  expect(
    pages.filter((code) => !wanted.includes(code)),
    'pages in docs/problems of codes that are not there',
  ).toEqual([]);
});

test.each(codes)(
  '%s: the example is wrong as its page says, and the fix is right',
  async (code, { title }) => {
    const page = await pageOf(code);
    expect(page.split('\n')[0]).toBe(`# ${code}: ${title}`);
    const [before = '', after = ''] = page.split('\n## Fix\n');
    const [wrong, right] = [blocksOf(before), blocksOf(after)];
    const said = wrong.flatMap(({ problems }) => problems).sort();
    expect(await found(`${code}-example`, wrong)).toEqual(said);
    expect(said.map((problem) => problem.split(' ')[1])).toContain(code);
    expect(right.length).toBeGreaterThan(0);
    expect(await found(`${code}-fix`, right)).toEqual([]);
  },
);

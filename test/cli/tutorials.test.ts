import { readdirSync, readFileSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { envoyPath } from '../envoy.ts';
import { createHome, type Home, runChild } from './fairlead.ts';

/**
 * Runs the `console` blocks of the Markdown files beside it, from top to bottom in one home. A line `$ command` is run
 * by bash; what follows is what it prints on both outputs. `…` in a line is any text, a line of `…` any lines, and a
 * last line `[3]` the exit code where that is not 0. `$ cd folder` stays for what follows. A page that starts a server has
 * a network namespace of its own, so that the ports are those that a reader has.
 */
type Step = {
  readonly line: number;
  readonly command: string;
  readonly expected: readonly string[];
  readonly code: number;
};

const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.md'));

describe.each(files)('%s', (file) => {
  const markdown = readFileSync(join(import.meta.dirname, file), 'utf8');
  let home: Home;
  let folder = '.';
  let inside: readonly string[] = [];
  const undo = new AsyncDisposableStack();
  beforeAll(async () => {
    home = await createHome();
    undo.defer(() => home.close());
    // As git is when somebody begins: a page says all that it needs.
    await home.write('.gitconfig', '');
    if (!/^\$ fairlead serve /m.test(markdown)) return;
    await symlink(await envoyPath(), join(home.dir, 'bin/envoy'));
    inside = await namespace(home, undo);
  });
  afterAll(() => undo.disposeAsync());

  test.each(stepsOf(markdown))('line $line: $command', async ({ command, expected, code }) => {
    const to = /^cd (\S+)$/.exec(command)?.[1];
    if (to !== undefined) {
      folder = join(folder, to);
      return;
    }
    const [program = '', ...args] = [...inside, 'bash', '-c', `exec 2>&1; ${command}`];
    const ran = await home.run(folder, program, ...args);
    const lines = ran.out === '' ? [] : ran.out.replace(/\n$/, '').split('\n');
    if (ran.code !== code || !fits(expected, lines)) {
      // Shown as a difference: what the page says, and what happened.
      expect([...lines, `[${ran.code}]`].join('\n')).toBe([...expected, `[${code}]`].join('\n'));
    }
  });
});

/** What runs a command in a new network namespace, whose processes end with it. */
async function namespace(home: Home, undo: AsyncDisposableStack): Promise<readonly string[]> {
  const name = `fl-page-${process.pid}`;
  const ip = (...args: readonly string[]) => home.need('.', 'ip', ...args);
  const pids = async () => (await ip('netns', 'pids', name)).split('\n').filter((pid) => pid !== '');
  await ip('netns', 'add', name);
  undo.defer(async () => void (await ip('netns', 'del', name)));
  undo.defer(async () => {
    // Until none is left: what still runs writes into the home, which goes next.
    for (let left = await pids(); left.length > 0; left = await pids())
      await runChild('kill', ['-KILL', ...left], { cwd: home.dir, environment: process.env });
  });
  await ip('netns', 'exec', name, 'ip', 'link', 'set', 'lo', 'up');
  return ['ip', 'netns', 'exec', name];
}

function stepsOf(markdown: string): readonly Step[] {
  const steps: { line: number; command: string; expected: string[]; code: number }[] = [];
  let inside = false;
  for (const [index, line] of markdown.split('\n').entries()) {
    if (line.startsWith('```')) inside = line === '```console';
    else if (inside && line.startsWith('$ ')) {
      steps.push({ line: index + 1, command: line.slice(2), expected: [], code: 0 });
    } else if (inside) addExpected(steps.at(-1), line);
  }
  return steps;
}

function addExpected(step: { expected: string[]; code: number } | undefined, line: string): void {
  if (step === undefined) throw new Error(`no command before ${line}`);
  const code = /^\[(\d+)\]$/.exec(line)?.[1];
  if (code === undefined) step.expected.push(line);
  else step.code = Number(code);
}

function fits(expected: readonly string[], lines: readonly string[]): boolean {
  const [first, ...rest] = expected;
  if (first === undefined) return lines.length === 0;
  if (first === '…') return lines.some((_, from) => fits(rest, lines.slice(from))) || fits(rest, []);
  const [line, ...others] = lines;
  return line !== undefined && pattern(first).test(line) && fits(rest, others);
}

function pattern(line: string): RegExp {
  return new RegExp(`^${line.split('…').map(escaped).join('.*')}$`);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

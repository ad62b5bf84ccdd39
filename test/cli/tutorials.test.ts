import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHome, type Home } from './fairlead.ts';

/**
 * Runs the `console` blocks of the Markdown files beside it, from top to bottom in one home. A line `$ command` is run
 * by bash; what follows is what it prints on both outputs. `…` in a line is any text, a line of `…` any lines, and a
 * last line `[3]` the exit code where that is not 0. `$ cd folder` stays for what follows.
 */
type Step = {
  readonly line: number;
  readonly command: string;
  readonly expected: readonly string[];
  readonly code: number;
};

const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.md'));

describe.each(files)('%s', (file) => {
  let home: Home;
  let folder = '.';
  beforeAll(async () => {
    home = await createHome();
  });
  afterAll(() => home.close());

  test.each(stepsOf(readFileSync(join(import.meta.dirname, file), 'utf8')))(
    'line $line: $command',
    async ({ command, expected, code }) => {
      const to = /^cd (\S+)$/.exec(command)?.[1];
      if (to !== undefined) {
        folder = join(folder, to);
        return;
      }
      const ran = await home.run(folder, 'bash', '-c', `exec 2>&1; ${command}`);
      const lines = ran.out === '' ? [] : ran.out.replace(/\n$/, '').split('\n');
      if (ran.code !== code || !fits(expected, lines)) {
        // Shown as a difference: what the page says, and what happened.
        expect([...lines, `[${ran.code}]`].join('\n')).toBe([...expected, `[${code}]`].join('\n'));
      }
    },
  );
});

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

import { expect, test } from 'vitest';
import { createReadAhead } from '../../src/git/read-ahead.ts';

const id = (digit: string) => digit.repeat(40);
const numbered = (at: number) => String(at).padStart(40, '0');

function commit(parent?: string) {
  const text = `tree ${id('e')}\n${parent === undefined ? '' : `parent ${parent}\n`}author a <a> 1 +0000\n`;
  return { type: 'commit', bytes: Buffer.from(text) };
}

/** Reads a line of commits; how many were asked for beside each. */
function follow(guesses: ReturnType<typeof createReadAhead>, length: number): readonly number[] {
  return Array.from({ length }, (_, at) => {
    const asked = guesses.beside(numbered(at)).length;
    guesses.read(numbered(at), commit(numbered(at + 1)));
    return asked;
  });
}

test('who follows a line gets ever more of it, up to 64 commits', () => {
  const asked = follow(createReadAhead(), 50);
  expect(asked.slice(0, 5)).toEqual([0, 0, 2, 4, 6]);
  expect(asked.at(-1)).toBe(64);
});

test('a guess is an ancestor along the line', () => {
  const guesses = createReadAhead();
  follow(guesses, 2);
  expect(guesses.beside(numbered(2))).toEqual([`${numbered(2)}~1`, `${numbered(2)}~2`]);
});

test('who jumps gets what was asked for alone, until a line is followed again', () => {
  const guesses = createReadAhead();
  follow(guesses, 10);
  expect(guesses.isExpected(numbered(10))).toBe(true);
  expect(guesses.beside(id('9'))).toEqual([]);
  guesses.read(id('9'), commit(id('8')));
  expect(guesses.isExpected(numbered(10))).toBe(false);
  expect(guesses.beside(id('8'))).toEqual([]);
});

test('a root commit has nothing before it, and trees tell nothing', () => {
  const guesses = createReadAhead();
  guesses.read(id('1'), commit());
  expect(guesses.isExpected(id('2'))).toBe(false);
  guesses.read(id('1'), commit(id('2')));
  guesses.read(id('3'), { type: 'tree', bytes: commit(id('4')).bytes });
  expect(guesses.isExpected(id('2'))).toBe(true);
});

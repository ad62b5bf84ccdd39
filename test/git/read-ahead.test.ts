import { expect, test } from 'vitest';
import { createReadAhead } from '../../src/git/read-ahead.ts';

const id = (digit: string) => digit.repeat(40);

function commit(tree: string, parent?: string) {
  const text = `tree ${tree}\n${parent === undefined ? '' : `parent ${parent}\n`}author a <a> 1 +0000\n`;
  return { type: 'commit', bytes: Buffer.from(text) };
}

test('beside a commit come its tree, and its first parent with its own', () => {
  expect(createReadAhead().beside(id('1'), 'commit')).toEqual([
    `${id('1')}^{tree}`,
    `${id('1')}~1`,
    `${id('1')}~1^{tree}`,
  ]);
});

test('who follows a line gets ever more of it, up to 32 commits and without trees', () => {
  const guesses = createReadAhead();
  const asked: number[] = [];
  for (let at = 0; at < 50; at += 1) {
    const [here, parent] = [String(at).padStart(40, '0'), String(at + 1).padStart(40, '0')];
    asked.push(guesses.beside(here, 'commit').filter((each) => each.includes('~')).length);
    guesses.read(here, commit(id('e'), parent));
  }
  expect(asked.slice(3, 6)).toEqual([3, 4, 5]);
  expect(Math.max(...asked)).toBe(32);
  expect(guesses.beside(id('9'), 'commit')).toContain(`${id('9')}^{tree}`);
});

test('a path that was walked below one root is asked for below the next, directories alone', () => {
  const guesses = createReadAhead();
  guesses.along(id('a'), 'never/seen');
  guesses.read(id('1'), commit(id('a')));
  expect(guesses.beside(id('a'), 'tree')).toEqual([]);
  guesses.along(id('a'), 'mesh/teams');
  expect(guesses.beside(id('a'), 'tree')).toEqual([`${id('a')}:mesh/`, `${id('a')}:mesh/teams/`]);
  expect(guesses.beside(id('2'), 'commit')).toContain(`${id('2')}:mesh/teams/`);
  expect(guesses.beside(id('b'), 'tree')).toEqual([]);
  expect(guesses.beside(id('a'), 'blob')).toEqual([]);
});

test.each(['a\nb', 'a b', 'a^b', 'a:b', '/a', 'a//b', '', 'ä', `${'a/'.repeat(80)}a`])(
  'a path that is more than a path in an expression is no guess: %j',
  (path) => {
    const guesses = createReadAhead();
    guesses.read(id('1'), commit(id('a')));
    guesses.along(id('a'), path);
    expect(guesses.beside(id('a'), 'tree')).toEqual([]);
  },
);

test('what is remembered is bounded', () => {
  const guesses = createReadAhead();
  guesses.read(id('1'), commit(id('a')));
  for (let at = 0; at < 100; at += 1) guesses.along(id('a'), `path-${at}`);
  expect(guesses.beside(id('a'), 'tree')).toHaveLength(4);
});

import { expect, test } from 'vitest';
import { must } from '../../src/base/must.ts';

test('what is there is given on, whatever it is', () => {
  expect([must(0), must(''), must(false)]).toEqual([0, '', false]);
});

test.each([null, undefined])('%s is a bug', (value) => {
  expect(() => must(value)).toThrow('a bug');
});

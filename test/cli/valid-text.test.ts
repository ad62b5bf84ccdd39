import { expect, test } from 'vitest';
import { validText } from '../../src/cli/valid-text.ts';

const message = 'seq 7 is served, because seq 8 has 1 error, the first FL3302 at routes.yaml:12:69';
const problem = (line: number, severity: 'error' | 'warning' = 'error') => ({
  ...{
    code: 'FL3302',
    severity,
    message: 'no subset v3',
    fix: 'add it',
    file: 'routes.yaml',
    line,
    column: 1,
  },
});
const valid = (status: string) => [{ type: 'Valid', status, message }];

test('says why a scope is not served as it was accepted, with its errors', () => {
  const problems = [problem(1, 'warning'), problem(2)];
  expect(
    validText({ path: 'acme', conditions: valid('False'), problems })
      .join('\n')
      .replace('at\n  ', 'at '),
  ).toBe(`acme: ${message}\n  routes.yaml:2:1: error FL3302 no subset v3; add it`);
});

test('ten of many', () => {
  const problems = Array.from({ length: 12 }, (_, line) => problem(line));
  const lines = validText({ path: 'acme', conditions: valid('False'), problems });
  expect(lines).toHaveLength(12);
  expect(lines.at(-1)).toBe('  and 2 more: -o json has them all');
});

test.each([
  [{ path: 'acme' }],
  [{ path: 'acme', conditions: valid('True'), problems: [problem(1, 'warning')] }],
])('nothing of %j', (scope) => {
  expect(validText(scope)).toEqual([]);
});

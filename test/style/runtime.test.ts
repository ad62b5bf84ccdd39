import { expect, test } from 'vitest';

test('tests run on the Node that the project brings', () => {
  expect(process.version.startsWith('v24.')).toBe(true);
});

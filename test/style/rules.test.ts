import { expect, test } from 'vitest';
import { read, sourceFiles } from './source.ts';

/** Rules of the governance text, and those of votes. */
const RULES = [
  ...Array.from({ length: 22 }, (_, at) => `G${at}`),
  ...['V1', 'V2', 'V3', 'I1', 'I2', 'I3', 'I4'],
];

test.each(RULES)('`grep -rniw "enforces %s" src` finds the one place that does', (rule) => {
  const mark = new RegExp(`[Ee]nforces ${rule}\\b`, 'g');
  const places = sourceFiles().flatMap((file) => Array.from(read(file).matchAll(mark), () => file));
  expect(places).toHaveLength(1);
});

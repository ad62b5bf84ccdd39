import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readData, visible } from '../../src/policy/data.ts';
import { ruleset1 } from '../../src/policy/ruleset.ts';

const read = (text: string) => readData(Buffer.from(text), ruleset1);

test('G12: plain data is read', () => {
  expect(read('a: 1\nb: [yes, 0o7, "2"]\n')).toEqual({ ok: true, value: { a: 1, b: ['yes', 7, '2'] } });
});

test.each([
  ['two documents', 'a: 1\n---\nb: 2\n'],
  ['duplicate keys', 'a: 1\na: 2\n'],
  ['an anchor', 'a: &x 1\n'],
  ['an alias', 'a: &x 1\nb: *x\n'],
  ['a tag', 'a: !!str 1\n'],
  ['a merge key', 'a: { "<<": { b: 1 } }\n'],
  ['__proto__', '__proto__: { polluted: true }\n'],
  ['a number as a key', '1: a\n'],
  ['no key', ': a\n'],
  ['a key of more than 1,024 letters', `${'k'.repeat(1100)}: 1\n`],
  ['a list as a key', '? [a]\n: b\n'],
  ['deep brackets', '['.repeat(70) + ']'.repeat(70)],
  ['deep sequences on one line', `${'- '.repeat(200)}a\n`],
  ['brackets that a comment seems to close', `${'[ #]\n'.repeat(200)}${' ]'.repeat(200)}`],
  ['nothing', ''],
  ['broken YAML', 'a: [\n'],
])('G12: %s is refused', (_name, text) => {
  expect(read(text).ok).toBe(false);
});

test.each([
  ['a: 1\nb:\n  - c: [\n', '4:1: Flow sequence'],
  ['a: 1\nb: &x 1\n', '2:7: a YAML anchor'],
  ['a: 1\n\n  b: 2\n', '1:4: '],
  ['a: { b: 1, b: 2 }\n', '1:12: the key b twice'],
  ['spec:\n  1: x\n', '2:3: a key that is not a string'],
  ['spec:\n  a: 1\n  b\n', '3:3: Implicit map keys'],
  ['a: !x 1\n', '1:4: Unresolved tag'],
  ['a: !!str 1\n', '1:10: a YAML tag'],
  ['a: *x\n', '1:4: a YAML alias'],
])('G12: the reason says line and column: %j', (text, place) => {
  expect(read(text)).toEqual({ ok: false, reason: expect.stringMatching(new RegExp(`^${place}`)) });
});

test('G12: the reason for deep nesting does not depend on the stack of the machine', () => {
  for (const depth of [70, 2000, 200_000]) {
    for (const text of ['[ #]\n'.repeat(depth), `[${'a: '.repeat(depth)}]`, `{${'"a":'.repeat(depth)}}`])
      expect(read(text)).toEqual({ ok: false, reason: 'nested deeper than 64 levels' });
  }
});

test('G12: what is long is not deep', () => {
  const long = `a: [${'\n '.repeat(200)}${'x, '.repeat(200)}${'{ b: 1 }, '.repeat(200)}]\n`;
  expect(read(long).ok).toBe(true);
});

test('G17: as many keys as the cap allows are read, and looked up rather than compared', () => {
  const keys = Array.from({ length: 80_000 }, (_, index) => `k${index}: 1\n`).join('');
  expect(read(keys).ok).toBe(true);
  expect(read(`${keys}k7: 2\n`)).toEqual({ ok: false, reason: '80001:1: the key k7 twice' });
});

test.each([
  ['},', 'Unexpected flow-map-end token'],
  ['- a\nb: c\n', 'Unexpected scalar at node end'],
  ['!a ', 'A node can have at most one tag'],
  ['"a" "b"\n', 'Unexpected double-quoted-scalar at node end'],
  ['---\n', 'not exactly one YAML document'],
])('#77, G12: as much broken YAML as the cap allows ends at its first mistake: %j', (text, reason) => {
  const bytes = text.repeat(ruleset1.governanceFileBytes / 8);
  const found = read(bytes.slice(0, ruleset1.governanceFileBytes));
  expect(found).toEqual({ ok: false, reason: expect.stringContaining(reason) });
});

test('G12: bytes that are not UTF-8, or too many, are refused before parsing', () => {
  expect(readData(Buffer.from([0x61, 0x3a, 0xff]), ruleset1).ok).toBe(false);
  expect(readData(new Uint8Array(ruleset1.governanceFileBytes + 1), ruleset1).ok).toBe(false);
});

test('a reason shows little of what others wrote, and nothing that moves a cursor', () => {
  const read = visible(`\u001b[2J${'x'.repeat(500)}\n`);
  expect(read).toBe(`?[2J${'x'.repeat(196)}…`);
});

test('G12: whatever the bytes are, they are read or refused, and nothing is thrown', () => {
  const parts = [
    'a',
    'b: ',
    '- ',
    '\n',
    '  ',
    '[',
    ']',
    '{',
    '}',
    ',',
    '"',
    "'",
    '|',
    '>',
    '&x ',
    '*x',
    '!t ',
    '? ',
    ': ',
  ];
  const more = [
    '#c\n',
    '---\n',
    '...\n',
    '%YAML 1.3\n',
    '\t',
    '<<: ',
    '@',
    '`',
    '1',
    '\u{feff}',
    '\0',
    '\r',
    '~',
  ];
  const text = fc.array(fc.constantFrom(...parts, ...more), { maxLength: 12 }).map((all) => all.join(''));
  fc.assert(
    fc.property(text, (each) => {
      const data = read(each);
      if (!data.ok) expect(data.reason).toMatch(/^[ -~…]+$/);
    }),
    { numRuns: 20_000, seed: 12 },
  );
});

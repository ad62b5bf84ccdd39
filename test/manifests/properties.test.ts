import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readManifests } from '../../src/manifests/index.ts';
import { type Files, manifest, named, read, scopeOf } from './scope.ts';

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const good = (name: string): string => manifest('WorkloadEntry', '  address: 127.0.0.1', name);
const broken = fc.constantFrom(
  'x: [',
  'x: *y',
  '- 1',
  'kind: Service',
  'a: 1\na: 1',
  '"',
  'apiVersion: v1\nkind: Secret',
);
const yamlish = fc.array(
  fc.constantFrom(
    'a',
    ':',
    ' ',
    '\n',
    '-',
    '[',
    ']',
    '{',
    '}',
    '&',
    '*',
    '!',
    '|',
    '>',
    '"',
    "'",
    '#',
    '%',
    '?',
    ',',
    '1',
    '---\n',
    '\t',
  ),
  { maxLength: 60 },
);

test('whatever the bytes, there are problems or resources, and never an exception', () => {
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string({ maxLength: 200 }),
    yamlish.map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(content, (bytes) => {
      const { problems } = read({ 'a.yaml': bytes });
      for (const { line, column } of problems) expect(line >= 1 && column >= 1).toBe(true);
    }),
    { numRuns: 3000 },
  );
});

test('whatever the spec, there are problems or resources, and never an exception', () => {
  const kind = fc.constantFrom(
    'Service',
    'ServiceEntry',
    'WorkloadEntry',
    'VirtualService',
    'DestinationRule',
  );
  const field = fc.constantFrom(
    'hosts',
    'host',
    'http',
    'ports',
    'endpoints',
    'subsets',
    'address',
    'match',
    'route',
    'labels',
  );
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<unknown>('a', 1, null, true, -1, '*'),
      tie('list'),
      tie('map'),
    ),
    list: fc.array(tie('any'), { maxLength: 3 }),
    map: fc.dictionary(field, tie('any'), { maxKeys: 4 }),
  })).map;
  fc.assert(
    fc.property(kind, value, (name, spec) => {
      const apiVersion = name === 'Service' ? 'v1' : 'networking.istio.io/v1';
      const document = { apiVersion, kind: name, metadata: { name: 'x' }, spec };
      const { resources, problems } = read({ 'a.json': JSON.stringify(document) });
      expect(
        resources.length + problems.filter(({ severity }) => severity === 'error').length,
      ).toBeGreaterThan(0);
    }),
    { numRuns: 2000 },
  );
});

test('broken documents leave out only themselves', () => {
  fc.assert(
    fc.property(
      fc.subarray(names),
      fc.array(broken, { maxLength: 5 }),
      fc.infiniteStream(fc.boolean()),
      (kept, bad, coin) => {
        const documents = kept.map(good);
        for (const text of bad) {
          if (coin.next().value) documents.push(text);
          else documents.unshift(text);
        }
        const { resources } = read({ 'a.yaml': documents.join('\n---\n') });
        expect(resources.map(({ name }) => name)).toEqual(kept);
      },
    ),
  );
});

test('the order in which files arrive changes nothing', () => {
  const files = Object.fromEntries(names.map((name) => [`${name}.yaml`, name === 'c' ? 'x: [' : good(name)]));
  const expected = summary(files);
  fc.assert(
    fc.property(fc.shuffledSubarray(Object.keys(files), { minLength: names.length }), (order) => {
      expect(summary(Object.fromEntries(order.map((path) => [path, files[path] ?? ''])))).toEqual(expected);
    }),
  );
});

function summary(files: Files): unknown {
  const { resources, problems } = readManifests(scopeOf(files));
  return { names: named(resources), problems };
}

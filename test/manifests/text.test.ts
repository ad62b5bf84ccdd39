import { describe, expect, test } from 'vitest';
import { named, problemsOf, read } from './scope.ts';

const service = (name: string): string =>
  `apiVersion: v1\nkind: Service\nmetadata:\n  name: ${name}\nspec:\n  ports:\n    - port: 80\n`;

describe('text that is refused, and where', () => {
  const cases: readonly (readonly [string, string | Uint8Array, readonly string[]])[] = [
    ['not UTF-8', Uint8Array.of(0x61, 0x3a, 0x20, 0xff), ['FL2001 1:1']],
    ['an unclosed quote', 'a: "b', ['FL2002 1:6']],
    ['an unclosed list', 'a: [1, 2', ['FL2002 1:9']],
    ['half of a character', 'a: b\nc: "\\ud800"', ['FL2002 2:4']],
    ['half of a character, in eight digits', 'a: ["x\\U0000dc00"]', ['FL2002 1:5']],
    ['half of a character in a key', 'a:\n  "\\udbff": 1', ['FL2002 2:3']],
    ['half of a character in a key, twice', '"\\ud800": 1\n"\\ud800": 2', ['FL2002 1:1', 'FL2002 2:1']],
    ['tabs as indentation', 'a:\n\tb: 1', ['FL2002 2:1']],
    ['a key twice', 'a: 1\nb: 2\na: 3', ['FL2003 3:1']],
    ['a key twice, once quoted', "a:\n  b: 1\n  'b': 2", ['FL2003 3:3']],
    ['a YAML anchor', 'a: &x 1', ['FL2004 1:4']],
    ['a YAML anchor before the document', '--- &x\na: 1', ['FL2004 1:5']],
    ['an alias', 'a:\n  - *x', ['FL2004 2:5']],
    ['an alias as key', '*x : 1', ['FL2004 1:1']],
    ['a tag', 'a: !!str 1', ['FL2005 1:4']],
    ['a custom tag in flow style', 'a: [!include x]', ['FL2005 1:5']],
    ['a merge key', 'a:\n  <<: { b: 1 }', ['FL2006 2:3']],
    ['more than 1 MiB', `a: ${'x'.repeat(1024 * 1024)}`, ['FL2007 1:1']],
    ['more words and signs than 1 MiB of manifests', `a:\n${'- 1\n'.repeat(200_000)}`, ['FL2007 1:1']],
    ['flow lists nested too deeply', '['.repeat(100_000), ['FL2008 1:65']],
    ['mappings nested too deeply', '{a: '.repeat(100_000), ['FL2008 1:257']],
    ['block lists nested too deeply', '- '.repeat(65), ['FL2008 1:129']],
    ['too many documents', '---\na: 1\n'.repeat(1001), ['FL2009 1:1']],
    ['a list', '- a\n- b', ['FL2010 1:1']],
    ['a text', '\n\nhello', ['FL2010 3:1']],
    ['null', '~', ['FL2010 1:1']],
    ['a number as key that could be written otherwise', '0x10: 2', ['FL2011 1:1']],
    ['nothing as key', '~: 2', ['FL2011 1:1']],
    ['a number as key, and its text', 'a:\n  8080: 1\n  "8080": 2', ['FL2003 3:3']],
    ['a list as key', '? [a]\n: 1', ['FL2011 1:3']],
    ['an empty key', 'a: { : 1 }', ['FL2011 1:5']],
    ['__proto__', 'a:\n  __proto__: 1', ['FL2011 2:3']],
    ['infinity', 'a: .inf', ['FL2012 1:4']],
    ['not a number', 'a: .nan', ['FL2012 1:4']],
    ['an integer beyond 2^53', 'a: 9007199254740993', ['FL2012 1:4']],
    ['a directive', '%YAML 1.1\n---\na: 1', ['FL2013 1:1']],
    ['a directive alone', '%FOO bar', ['FL2013 1:1']],
  ];
  test.each(cases)('%s', (_name, content, expected) => {
    expect(problemsOf(content)).toEqual(expected);
  });
});

describe('text that is read', () => {
  test('a number as key is its text, as in Kubernetes, and has its place', () => {
    const text = service('a').replace(
      'metadata:',
      'metadata:\n  annotations: { 8080: yes it is, true: x, 90: 1 }',
    );
    expect(problemsOf(text)).toEqual(['FL2107 4:48']);
  });

  test.each([
    ['nothing', ''],
    ['comments only', '# a\n# b\n'],
    ['empty documents', '---\n---\n# c\n---\n'],
  ])('%s: no resource, no problem', (_name, content) => {
    expect(read({ 'a.yaml': content })).toMatchObject({ resources: [], problems: [] });
  });

  test.each([
    ['a byte order mark', `\uFEFF${service('a')}`],
    ['CR LF', service('a').replaceAll('\n', '\r\n')],
    [
      'a character in two halves',
      service('a').replace('name: a', 'name: a\n  annotations: { a: "\\ud83d\\ude00" }'),
    ],
    ['an end marker', `---\n${service('a')}...\n`],
    [
      'JSON as YAML',
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'a' },
        spec: { ports: [{ port: 1 }] },
      }),
    ],
  ])('%s', (_name, content) => {
    const { resources, problems } = read({ 'a.yaml': content });
    expect(named(resources)).toEqual(['Service default/a']);
    expect(problems).toEqual([]);
  });

  test.each(['yes', 'NO', 'off', '0777', '1:30'])(
    'a plain %s means something else for YAML 1.1: a warning',
    (value) => {
      const { resources, problems } = read({ 'a.yaml': `${service('a')}  selector:\n    app: ${value}\n` });
      expect(problems.some(({ code, line }) => code === 'FL2014' && line === 9)).toBe(true);
      expect(resources.length).toBe(value === '0777' ? 0 : value === '1:30' ? 0 : 1);
      expect(problemsOf(`${service('a')}  selector:\n    app: "${value}"\n`)).not.toContain('FL2014 9:10');
    },
  );

  test('YAML 1.2 core: yes is text, 1e3 a number', () => {
    const { resources } = read({ 'a.yaml': `${service('a')}  selector:\n    app: yes\n` });
    expect(resources[0]?.spec).toMatchObject({ selector: { app: 'yes' } });
  });

  test('a .json file is JSON', () => {
    expect(problemsOf('a: 1', 'a.json')).toEqual(['FL2002 1:1']);
    expect(problemsOf('{"apiVersion": "v1"}', 'a.json')).toEqual(['FL2101 1:1']);
  });
});

test.each([
  ['a syntax error', 'x: [\n'],
  ['an alias', 'x: *y\n'],
  ['an unclosed quote', 'x: "\n'],
  ['an unclosed bracket in a list', '- [\n'],
  ['deep nesting', `${'['.repeat(100)}\n`],
  ['a schema error', service('b').replace('port: 80', 'port: 0')],
  ['an unknown kind', 'apiVersion: v1\nkind: Foo\n'],
])('%s leaves out only its own document', (_name, broken) => {
  const { resources, problems } = read({ 'a.yaml': [service('a'), broken, service('c')].join('---\n') });
  expect(named(resources)).toEqual(['Service default/a', 'Service default/c']);
  expect(problems.length).toBe(1);
});

test('a directive leaves out its document', () => {
  const { resources, problems } = read({
    'a.yaml': `${service('a')}...\n%YAML 1.1\n---\n${service('b')}---\n${service('c')}`,
  });
  expect(named(resources)).toEqual(['Service default/a', 'Service default/c']);
  expect(problems).toMatchObject([{ code: 'FL2013', line: 9, column: 1 }]);
});

test('only a line feed begins a line: U+2028 in a value does not', () => {
  const text = service('a').replace('metadata:', 'metadata:\n  annotations: { b: "\u2028--- c" }');
  expect(read({ 'a.yaml': text }).problems).toEqual([]);
});

test('many keys, quotes or comments take linear time', () => {
  const keys = Array.from({ length: 60_000 }, (_, index) => `k${index}: 1`).join('\n');
  // Of this process: what others do meanwhile is not counted.
  const before = process.cpuUsage();
  expect(problemsOf(keys)).toEqual(['FL2101 1:1']);
  expect(process.cpuUsage(before).user / 1_000).toBeLessThan(20_000);
});

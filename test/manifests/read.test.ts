import { describe, expect, test } from 'vitest';
import { manifest, named, read } from './scope.ts';

const workload = (name: string, namespace = 'demo'): string =>
  `apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata:\n  name: ${name}\n  namespace: ${namespace}\nspec:\n  address: 127.0.0.1\n`;

test('files in byte order, documents as written', () => {
  const { resources } = read({
    'b.yaml': workload('b'),
    'a/z.yml': [workload('a2'), workload('a1')].join('---\n'),
    'B.json': JSON.stringify({
      apiVersion: 'networking.istio.io/v1',
      kind: 'WorkloadEntry',
      metadata: { name: 'c' },
      spec: { address: '::1' },
    }),
  });
  expect(resources.map(({ name }) => name)).toEqual(['c', 'a2', 'a1', 'b']);
});

test('other files and dot-directories are not parsed', () => {
  const broken = 'a: *x';
  const { resources, problems } = read({
    'README.md': broken,
    'notes.txt': broken,
    '.github/workflow.yaml': broken,
    'a/.hidden/b.yaml': broken,
    yaml: broken,
    'scope.yaml.bak': broken,
  });
  expect({ resources, problems }).toEqual({ resources: [], problems: [] });
});

test('a file that begins with a dot is parsed, and so is .YAML', () => {
  const { resources } = read({ '.a.yaml': workload('a'), 'B.YAML': workload('b') });
  expect(resources.map(({ name }) => name)).toEqual(['a', 'b']);
});

test('the source is relative to the mesh path', () => {
  const about = { directory: 'teams/payments', path: 'payments.acme', uid: 'f'.repeat(64) };
  const { resources } = read({ 'x/a.yaml': `# one\n---\n${workload('a')}` }, about);
  expect(resources[0]?.source).toEqual({
    scope: 'payments.acme',
    uid: 'f'.repeat(64),
    file: 'teams/payments/x/a.yaml',
    line: 3,
    column: 1,
  });
});

test('at() points at values, at keys of collections, and else at what is above', () => {
  const spec =
    '  hosts: [a]\n  http:\n    - route:\n        - destination:\n            host: a\n          weight: 5';
  const text = `${workload('first')}---\n${manifest('VirtualService', spec)}`;
  const resource = read({ 'a.yaml': text }).resources[1];
  const at = (...path: (string | number)[]): string => {
    const { line, column } = resource?.at(path) ?? { line: 0, column: 0 };
    return `${line}:${column}`;
  };
  expect(at()).toBe('9:1');
  expect(at('spec')).toBe('12:1');
  expect(at('spec', 'hosts', 0)).toBe('13:11');
  expect(at('spec', 'http', 0)).toBe('15:7');
  expect(at('spec', 'http', 0, 'route', 0, 'destination', 'host')).toBe('17:19');
  expect(at('spec', 'http', 0, 'route', 0, 'weight')).toBe('18:19');
  expect(at('spec', 'http', 0, 'route', 0, 'subset')).toBe('16:11');
  expect(at('spec', 'http', 7, 'route')).toBe('14:3');
});

describe('namespaces', () => {
  const owns = { namespaces: ['demo', 'web'], hosts: [] };

  test('one that the scope owns', () => {
    expect(named(read({ 'a.yaml': workload('a', 'web') }, { owns }).resources)).toEqual([
      'WorkloadEntry web/a',
    ]);
  });

  test('one that it does not own', () => {
    const { resources, problems } = read({ 'a.yaml': workload('a', 'payments') }, { owns });
    expect(resources).toEqual([]);
    expect(problems).toMatchObject([{ code: 'FL2203', line: 5, column: 14 }]);
  });

  test('none is default', () => {
    const text = manifest('WorkloadEntry', '  address: 127.0.0.1');
    expect(named(read({ 'a.yaml': text }).resources)).toEqual(['WorkloadEntry default/x']);
    expect(read({ 'a.yaml': text }, { owns }).problems).toMatchObject([{ code: 'FL2203' }]);
  });
});

describe('the same kind, namespace and name twice', () => {
  test('neither is served, and each problem names the other file', () => {
    const files = { 'a.yaml': workload('a'), 'b/c.yaml': `---\n${workload('a')}---\n${workload('b')}` };
    const { resources, problems } = read(files);
    expect(named(resources)).toEqual(['WorkloadEntry demo/b']);
    expect(problems).toMatchObject([
      { code: 'FL2202', file: 'a.yaml', line: 4, message: expect.stringContaining('b/c.yaml:2') },
      { code: 'FL2202', file: 'b/c.yaml', line: 5, message: expect.stringContaining('a.yaml:1') },
    ]);
  });

  test('in another version it is the same', () => {
    const files = { 'a.yaml': workload('a'), 'b.yaml': workload('a').replace('/v1', '/v1beta1') };
    expect(read(files).resources).toEqual([]);
  });

  test('another kind or namespace is another', () => {
    const other = manifest('Service', '  ports: [{ port: 1 }]', 'a');
    expect(
      read({ 'a.yaml': workload('a'), 'b.yaml': workload('a', 'web'), 'c.yaml': other }).problems,
    ).toEqual([]);
  });

  test('one that is left out anyway takes nothing with it', () => {
    const broken = workload('a').replace('127.0.0.1', "'!'");
    expect(named(read({ 'a.yaml': workload('a'), 'b.yaml': broken }).resources)).toEqual([
      'WorkloadEntry demo/a',
    ]);
  });
});

test('an error leaves its document out, however many warnings come before it', () => {
  const idle = Array.from({ length: 60 }, (_, index) => {
    const match = `match: [{ uri: { exact: /${index} } }]`;
    return `  - { ${match}, fault: { delay: { fixedDelay: 1s } }, route: [{ destination: { host: a } }] }`;
  });
  const wrong = "  - { match: [{ uri: { regex: '([' } }], route: [{ destination: { host: a } }] }";
  const spec = `  hosts: [a]\n  http:\n${[...idle, wrong].join('\n')}`;
  const { resources, problems } = read({ 'a.yaml': manifest('VirtualService', spec) });
  expect(resources).toEqual([]);
  expect(problems.filter(({ severity }) => severity === 'error')).toMatchObject([
    { code: 'FL2211', line: 67 },
  ]);
});

import { describe, expect, test } from 'vitest';
import { readOffline } from '../../src/manifests/index.ts';
import { problemsOf, read, scopeOf } from './scope.ts';

const map = (mesh: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: istio, resourceVersion: "1" }\ndata:\n  mesh: |\n    ${mesh}\n`;
const operator = (spec: string) =>
  `apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec:\n  ${spec}\n`;
const plain = (spec: string) =>
  `apiVersion: mesh.istio.io/v1alpha1\nkind: MeshConfig\nmetadata: { name: mesh }\nspec:\n  ${spec}\n`;

const all =
  '{ rootNamespace: a, outboundTrafficPolicy: { mode: REGISTRY_ONLY }, connectTimeout: 2s, defaultServiceExportTo: [.] }';

describe.each([
  ['a ConfigMap', map, ['5:9', '5:3', '5:3']],
  ['an IstioOperator', (spec: string) => operator(`meshConfig: ${spec}`), ['4:33', '4:17', '4:17']],
  ['a MeshConfig', plain, ['5:21', '5:5', '5:5']],
] as const)('%s', (_kind, write, [value, key, other]) => {
  test('what proxies depend on is read', () => {
    const { resources, problems } = read({ 'a.yaml': write(all) });
    expect(problems).toEqual([]);
    expect(resources.map(({ kind, spec }) => [kind, spec])).toEqual([
      [
        'MeshConfig',
        {
          rootNamespace: 'a',
          outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
          connectTimeout: '2s',
          defaultServiceExportTo: ['.'],
        },
      ],
    ]);
  });

  test('what does nothing is a warning; mistakes are not', () => {
    expect(problemsOf(write('{ connectTimeout: 5 }'))).toEqual([`FL2110 ${value}`]);
    expect(problemsOf(write('{ enablePrometheusMerge: true }'))).toEqual([`FL2280 ${key}`]);
    expect(problemsOf(write('{ enableTracking: true }'))).toEqual([`FL2105 ${other}`]);
    expect(read({ 'a.yaml': write('{ enablePrometheusMerge: true }') }).resources).toHaveLength(1);
  });
});

test('what an IstioOperator installs is not ours', () => {
  const text = operator('profile: default\n  components: {}\n  meshConfig: { rootNamespace: a }');
  expect(problemsOf(text)).toEqual(['FL2280 4:3', 'FL2280 5:3']);
  expect(read({ 'a.yaml': text }).resources).toHaveLength(1);
});

test('an IstioOperator without a MeshConfig stands beside one that has it', () => {
  const files = {
    'a.yaml': operator('values: { global: { meshID: a } }'),
    'b.yaml': operator('meshConfig: { rootNamespace: a }'),
  };
  const { resources, problems } = read(files);
  expect(resources.map(({ kind }) => kind)).toEqual(['IstioOperator', 'MeshConfig']);
  expect(problems.map(({ code }) => code)).toEqual(['FL2280']);
});

test('several IstioOperators without a name are not one', () => {
  const silent = operator('values: { global: { meshID: a } }');
  const both = { 'a.yaml': silent, 'b.yaml': silent, 'c.yaml': operator('meshConfig: { rootNamespace: a }') };
  const { resources, problems } = read(both);
  expect(resources.map(({ kind }) => kind)).toEqual(['IstioOperator', 'IstioOperator', 'MeshConfig']);
  expect(problems.map(({ code }) => code)).toEqual(['FL2280', 'FL2280']);
});

test.each<readonly [string, string, readonly string[]]>([
  ['networks in a ConfigMap', `${map('rootNamespace: a')}  meshNetworks: "networks: {}"\n`, ['FL2280 7:3']],
  [
    'another ConfigMap',
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { a: b }\n',
    ['FL2114 2:7'],
  ],
  ['a ConfigMap without data', 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n', ['FL2114 2:7']],
  ['a text that is no YAML', map('{'), ['FL2002 5:9']],
  ['an anchor within it', map('rootNamespace: &a a'), ['FL2004 5:9']],
  ['a list within it', map('- a'), ['FL2010 5:9']],
  ['an IstioOperator that says nothing', 'apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\n', []],
  ['an unknown mode', plain('outboundTrafficPolicy: { mode: ALLOW_ALL }'), ['FL2108 5:34']],
])('%s', (_what, text, expected) => {
  expect(problemsOf(text)).toEqual(expected);
});

test("a dump's ConfigMaps of others are nobody's mistake", () => {
  const other = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { a: b }\n';
  const { resources, others } = readOffline(
    scopeOf({ 'a.yaml': `${other}---\n${map('rootNamespace: a')}` }),
    'exported',
  );
  expect(others.map(({ kind }) => kind)).toEqual(['ConfigMap']);
  expect(resources.problems).toEqual([]);
  expect(resources.resources.map(({ kind }) => kind)).toEqual(['MeshConfig']);
});

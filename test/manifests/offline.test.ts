import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readOffline } from '../../src/manifests/index.ts';
import { manifest, named, scopeOf } from './scope.ts';

/** What is read of one file that nobody governs: resources, codes at their places, other kinds. */
function exported(content: string | Uint8Array) {
  const { resources, others, workloads } = readOffline(scopeOf({ 'a.yaml': content }), 'exported');
  return {
    resources: named(resources.resources),
    problems: resources.problems.map(({ code, line, column }) => `${code} ${line}:${column}`),
    others: others.map(({ kind }) => kind),
    workloads: workloads.map(({ namespace, labels }) => `${namespace} ${Object.values(labels).join()}`),
  };
}

const nothing = { resources: [], problems: [], others: [], workloads: [] };
const service = '{ apiVersion: v1, kind: Service, metadata: { name: a }, spec: { ports: [{ port: 80 }] } }';
const list = (items: string, kind = 'List') => `apiVersion: v1\nkind: ${kind}\nitems: ${items}\n`;

test.each([
  ['a list', list(`[${service}]`), { resources: ['Service default/a'] }],
  [
    'a list of one kind',
    list('[{ metadata: { name: a }, spec: { ports: [{ port: 80 }] } }]', 'ServiceList'),
    { resources: ['Service default/a'] },
  ],
  ['an empty list', list('[]'), {}],
  ['items that are no documents', list(`[null, 1, [], ${service}]`), { resources: ['Service default/a'] }],
  ['no items', list('null'), { others: ['List'] }],
  ['a list in a list', list(`[{ apiVersion: v1, kind: List, items: [${service}] }]`), { others: ['List'] }],
  [
    'a mistake in an item',
    list('[{ apiVersion: v1, kind: Service, metadata: { name: a }, spec: { prots: [] } }]'),
    { problems: ['FL2105 3:73'] },
  ],
  ['no manifest', 'services: { web: { image: apiVersion } }', { others: [''] }],
  ['a kind of an unknown group', 'apiVersion: a.b/v1\nkind: C\n', { others: ['C'] }],
  [
    'an unknown kind of a known group',
    'apiVersion: networking.istio.io/v1\nkind: VirtualServce\n',
    { problems: ['FL2102 2:7'] },
  ],
  ['a template', 'apiVersion: v1\nkind: Service\nmetadata:\n{{- if .x }}\n', {}],
  ['no word of a version', 'kind: [', { others: [''] }],
  ['nothing but comments', '---\n# kind\n\n  # more\n', {}],
  [
    'the Pods of a Deployment',
    'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: a, namespace: shop }\nspec: { template: { metadata: { labels: { app: a, n: 1 } } } }\n',
    { others: ['Deployment'], workloads: ['shop a,1'] },
  ],
])('%s', (_, content, found) => {
  expect(exported(content)).toEqual({ ...nothing, ...found });
});

test('the files of a scope are read as strictly as ever, but for a word on older versions', () => {
  const old = manifest('WorkloadEntry', '  address: 127.0.0.1').replace('/v1\n', '/v1alpha3\n');
  const { resources, others } = readOffline(scopeOf({ 'a.yaml': `${old}---\n${list('[]')}` }), 'written');
  expect(resources.problems.map(({ code, fix }) => [code, fix])).toEqual([
    ['FL2116', 'write networking.istio.io/v1'],
    ['FL2102', 'write its items as documents of their own'],
  ]);
  expect(others).toEqual([]);
});

test('whatever stands in a list, there are problems, resources or others, and never an exception', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { maxLength: 5 }), fc.jsonValue(), (items, more) => {
      const document = { apiVersion: 'v1', kind: 'List', items, more };
      expect(() => exported(JSON.stringify(document))).not.toThrow();
      expect(() => exported(`apiVersion\n---\n${JSON.stringify(more)}`)).not.toThrow();
    }),
  );
});

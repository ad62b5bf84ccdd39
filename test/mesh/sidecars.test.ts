import { describe, expect, test } from 'vitest';
import { limitsOf } from '../../src/mesh/index.ts';
import { istio } from './manifests.ts';
import { codesOf, meshOf } from './world.ts';

const sidecar = (name: string, namespace: string, spec: string) =>
  istio('Sidecar', name, namespace, `{${spec}}`);
const labelled = (labels: string) => `workloadSelector: {labels: {${labels}}}`;
const only = (host: string) => `egress: [{hosts: ["${host}"]}]`;
const acme = (files: string) => ({ path: 'acme', namespaces: ['shop', 'web', 'istio-system'], files });

/** The hosts that a workload sees, by those of its egress. */
function seen(files: string, namespace: string, labels = {}): string {
  const { mesh } = meshOf(acme(files), { path: 'acme.pay', namespaces: ['pay'], files: '' }, other);
  const { imports } = limitsOf(mesh, namespace, labels);
  return imports === null ? 'all' : imports.flatMap(({ hosts }) => hosts.map(({ host }) => host)).join();
}
const other = { path: 'other', namespaces: ['ops'], files: '' };

const wide = sidecar('wide', 'shop', only('./wide.example'));
const cart = sidecar('cart', 'shop', `${labelled('app: cart')}, ${only('./cart.example')}`);
const root = sidecar('root', 'istio-system', only('./root.example'));

describe('which Sidecar counts', () => {
  test.each<readonly [string, string, string, object, string]>([
    ['none', '', 'shop', {}, 'all'],
    ['the one that selects the workload', cart + wide + root, 'shop', { app: 'cart' }, 'cart.example'],
    ['else that of the namespace', cart + wide + root, 'shop', { app: 'web' }, 'wide.example'],
    ['else that of the root namespace', cart + root, 'shop', { app: 'web' }, 'root.example'],
    ['also below its scope', root, 'pay', {}, 'root.example'],
    ['but not beside it', root, 'ops', {}, 'all'],
    [
      'what it does not say, the next one says',
      sidecar('cart', 'shop', `${labelled('app: cart')}, ingress: [{port: {number: 80}}]`) + wide,
      'shop',
      { app: 'cart' },
      'wide.example',
    ],
    [
      'nothing where several select one workload',
      cart + sidecar('v1', 'shop', `${labelled('version: v1')}, ${only('./v1.example')}`),
      'shop',
      { app: 'cart', version: 'v1' },
      'all',
    ],
    [
      'of the root namespace, one that selects is for its own workloads',
      sidecar('r', 'istio-system', `${labelled('app: cart')}, ${only('./root.example')}`),
      'shop',
      { app: 'cart' },
      'all',
    ],
  ])('%s', (_what, files, namespace, labels, expected) => {
    expect(seen(files, namespace, labels)).toBe(expected);
  });
});

test.each([
  ['the same namespace', wide + sidecar('second', 'shop', only('./b.example'))],
  ['the same labels', cart + sidecar('second', 'shop', `${labelled('app: cart')}, ${only('./b.example')}`)],
  [
    'labels of the other',
    cart + sidecar('second', 'shop', `${labelled('app: cart, version: v1')}, ${only('./b.example')}`),
  ],
])('two Sidecars for %s: neither, and both are named', (_what, files) => {
  const built = meshOf(acme(files));
  expect(codesOf(built).map((code) => code.slice(0, 6))).toEqual(['FL3350', 'FL3350']);
  expect(built.problems[0]?.message).toContain('acme/mesh.yaml:6');
  expect(built.mesh.sidecars).toEqual([]);
});

test('whether unknown hosts pass is inherited on its own', () => {
  const files =
    sidecar('cart', 'shop', `${labelled('app: cart')}, outboundTrafficPolicy: {mode: ALLOW_ANY}`) +
    sidecar('wide', 'shop', `outboundTrafficPolicy: {mode: REGISTRY_ONLY}, ${only('./wide.example')}`);
  const { mesh } = meshOf(acme(files));
  expect(limitsOf(mesh, 'shop', { app: 'cart' })).toMatchObject({ unknown: 'pass', imports: [{}] });
  expect(limitsOf(mesh, 'shop', {}).unknown).toBe('refuse');
});

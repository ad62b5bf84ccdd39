import { describe, expect, test } from 'vitest';
import { createTreeDigests } from '../../src/git/index.ts';
import { openLine } from '../../src/governance/index.ts';
import { readManifests } from '../../src/manifests/index.ts';
import { build, createBuilder, limitsOf, settingsFor, treatment } from '../../src/mesh/index.ts';
import { isAbove } from '../../src/mesh/root.ts';
import { createWorld } from '../governance/world.ts';
import { istio, service, subsets } from './manifests.ts';
import { codesOf, meshOf, scope } from './world.ts';

const config = (mesh: string, namespace = 'root') =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: ${namespace}}\ndata:\n  mesh: |\n    ${mesh}\n---\n`;
const acme = (files: string) => ({ path: 'acme', namespaces: ['shop', 'root'], files });
const child = (files: string) => ({ path: 'acme.pay', namespaces: ['pay'], files });
const other = { path: 'other', namespaces: ['ops'], files: '' };

test('what a scope says holds for itself and for those below it that say nothing', () => {
  const said = config('rootNamespace: root');
  const rootOf = (theirs: string) => {
    const { mesh } = meshOf(acme(said), child(theirs), other);
    return ['shop', 'pay', 'ops'].map((namespace) => settingsFor(mesh, namespace).rootNamespace);
  };
  expect(rootOf('')).toEqual(['root', 'root', 'istio-system']);
  expect(rootOf(config('rootNamespace: pay', 'pay'))).toEqual(['root', 'pay', 'istio-system']);
});

test('those below are those that governance says', async () => {
  const world = createWorld({
    threshold: 1,
    files: { 'mesh/mesh.yaml': config('rootNamespace: top', 'top') },
  });
  const tip = world.add('g', {});
  const line = openLine(world.objects, createTreeDigests(world.objects), await world.pin());
  const verdict = await line.state(tip);
  if (!verdict.ok) throw new Error(verdict.reason);
  const { mesh } = build((await line.scopes(verdict.state)).map((each) => readManifests(each)));
  expect(mesh.owners.map(({ path }) => path)).toEqual(['s', 's.c']);
  expect(settingsFor(mesh, 'c').rootNamespace).toBe('top');
  expect(isAbove(mesh, 'top', 'c')).toBe(true);
  expect(isAbove(mesh, 'c', 'top')).toBe(false);
});

test('a scope of another repository is above none of these, whatever it is called', () => {
  const said = config('rootNamespace: theirs', 'theirs');
  for (const path of ['pay', 'acme']) {
    const root = { ...scope({ path, namespaces: ['theirs'], files: said }) };
    const stranger = { ...root, scope: { ...root.scope, uid: 'uid-stranger' } as typeof root.scope };
    const { mesh } = build([scope(acme('')), scope(child('')), stranger]);
    expect(settingsFor(mesh, 'theirs').rootNamespace).toBe('theirs');
    expect(settingsFor(mesh, 'pay').rootNamespace).toBe('istio-system');
    expect(isAbove(mesh, 'theirs', 'pay')).toBe(false);
  }
});

test('rules and Sidecars of the root namespace are defaults', () => {
  const files =
    config('rootNamespace: root') +
    service('cart', 'shop') +
    subsets('all', 'root', '"*.local"', 'v1') +
    istio('Sidecar', 'all', 'root', '{egress: [{hosts: ["./*"]}]}');
  const { mesh } = meshOf(acme(files), child(''));
  const [cart] = mesh.services;
  if (cart === undefined) throw new Error('no cart');
  expect(treatment(mesh, 'pay')(cart).subsets.map(({ name }) => name)).toEqual(['v1']);
  expect(limitsOf(mesh, 'pay', {}).imports).toHaveLength(1);
});

test('an IstioOperator without a MeshConfig says nothing, and needs no namespace', () => {
  const operator =
    'apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec: {profile: default}\n---\n';
  const { mesh, problems } = meshOf(acme(operator + config('rootNamespace: root')));
  expect(problems).toEqual([]);
  expect(settingsFor(mesh, 'shop').rootNamespace).toBe('root');
});

describe('REGISTRY_ONLY', () => {
  const sidecar = (mode: string) => istio('Sidecar', 's', 'shop', `{outboundTrafficPolicy: {mode: ${mode}}}`);
  test.each<readonly [string, string, string]>([
    ['nobody says anything', '', 'pass'],
    ['of the mesh', config('outboundTrafficPolicy: {mode: REGISTRY_ONLY}'), 'refuse'],
    [
      'but not of the Sidecar',
      config('outboundTrafficPolicy: {mode: REGISTRY_ONLY}') + sidecar('ALLOW_ANY'),
      'pass',
    ],
    ['of the Sidecar', sidecar('REGISTRY_ONLY'), 'refuse'],
  ])('%s', (_what, files, expected) => {
    expect(limitsOf(meshOf(acme(files)).mesh, 'shop', {}).unknown).toBe(expected);
  });
});

test('who sees what says nothing itself', () => {
  const said = config(
    '{defaultServiceExportTo: [.], defaultVirtualServiceExportTo: ["~"], defaultDestinationRuleExportTo: [pay]}',
  );
  const files =
    said +
    service('cart', 'shop') +
    istio('VirtualService', 'cart', 'shop', '{hosts: [cart], http: [{directResponse: {status: 418}}]}') +
    subsets('cart', 'shop', 'cart', 'v1');
  const { mesh } = meshOf(acme(files));
  expect(mesh.services.map(({ visibility }) => visibility)).toEqual([{ to: 'namespaces', names: ['shop'] }]);
  expect(mesh.routings.map(({ visibility }) => visibility)).toEqual([{ to: 'namespaces', names: [] }]);
  expect(mesh.clientRules.map(({ visibility }) => visibility)).toEqual([
    { to: 'namespaces', names: ['pay'] },
  ]);
});

test('two of one scope: neither, and both are named', () => {
  const built = meshOf(
    acme(config('rootNamespace: a') + config('rootNamespace: b', 'shop').replace('istio', 'x')),
  );
  expect(codesOf(built)).toEqual(['FL3351 acme/mesh.yaml:5', 'FL3351 acme/mesh.yaml:12']);
  expect(settingsFor(built.mesh, 'shop').rootNamespace).toBe('istio-system');
});

test('a change of them is seen by all whom they hold for', () => {
  const builder = createBuilder();
  const below = scope(child(service('cart', 'pay')));
  const visible = (mode: string) => {
    const { mesh } = builder([scope(acme(config(`defaultServiceExportTo: ["${mode}"]`))), below]);
    return mesh.services[0]?.visibility.to;
  };
  expect([visible('*'), visible('.'), visible('*')]).toEqual(['everybody', 'namespaces', 'everybody']);
});

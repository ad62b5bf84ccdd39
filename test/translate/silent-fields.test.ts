import { expect, test } from 'vitest';
import { istio, service, workload } from '../mesh/manifests.ts';
import { proxyAt, snapshotOf } from './world.ts';

/** Fields that are read, and change nothing of what a proxy hears. */

const heard = (files: string, type: 'sidecar' | 'router') => {
  const snapshot = snapshotOf(proxyAt('10.0.0.1', 'shop', {}, type), { path: 'acme', files });
  const all = [...snapshot.resources.values()].flatMap((each) => [...each.values()]);
  return all.map(({ typeUrl, name, version }) => `${typeUrl} ${name} ${version}`);
};

const entry = (location: string, account: string) =>
  istio(
    'ServiceEntry',
    'api',
    'shop',
    `{hosts: [api.example], ${location}resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], endpoints: [{address: 10.0.0.9${account}}]}`,
  );
const edge = (name: string) =>
  istio(
    'Gateway',
    'edge',
    'shop',
    `{servers: [{${name}port: {number: 8080, name: http, protocol: HTTP}, hosts: ["*"]}]}`,
  );
const pod = (account: string) =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: cart-0, namespace: shop, labels: {app: cart}}\nspec: {${account}containers: [{name: c, image: i}]}\nstatus: {podIP: 10.0.0.9, phase: Running, conditions: [{type: Ready, status: "True"}]}\n---\n`;

test.each([
  ['location', entry('location: MESH_EXTERNAL, ', ''), entry('location: MESH_INTERNAL, ', ''), 'sidecar'],
  ['endpoints[].serviceAccount', entry('', ', serviceAccount: cart.v1'), entry('', ''), 'sidecar'],
  [
    'serviceAccount of a WorkloadEntry',
    service('cart', 'shop') + workload('a', 'shop', '10.0.0.9', 'app: cart', ', serviceAccount: cart.v1'),
    service('cart', 'shop') + workload('a', 'shop', '10.0.0.9', 'app: cart'),
    'sidecar',
  ],
  [
    'serviceAccountName of a Pod',
    service('cart', 'shop') + pod('serviceAccountName: cart, '),
    service('cart', 'shop') + pod(''),
    'sidecar',
  ],
  ['servers[].name of a Gateway', edge('name: outside, '), edge(''), 'router'],
] as const)('%s', (_, one, other, type) => {
  expect(heard(one, type)).toEqual(heard(other, type));
  expect(heard(one, type).length).toBeGreaterThan(type === 'router' ? 1 : 4);
});

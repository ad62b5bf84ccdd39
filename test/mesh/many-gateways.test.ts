import { expect, test } from 'vitest';
import { type Built, build } from '../../src/mesh/index.ts';
import { istio, service } from './manifests.ts';
import { scope } from './world.ts';

/** Routings of one host in two namespaces, at gateways that have ports in common: what it takes, and where it ends. */

const plain = (port: number) => `{port: {number: ${port}, name: h${port}, protocol: HTTP}, hosts: ["./*"]}`;
const route = (index: number, gateways: readonly string[], match = '') => {
  const namespace = index % 2 === 0 ? 'a' : 'b';
  const matches = `[{uri: {exact: /${index}}${match}}]`;
  const http = `[{match: ${matches}, route: [{destination: {host: s.a.svc.cluster.local}}]}]`;
  const named = gateways.map((name) => `${namespace}/${name}`).join(', ');
  return istio(
    'VirtualService',
    `v${index}`,
    namespace,
    `{hosts: [x.example], gateways: [${named}], http: ${http}}`,
  );
};
const many = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => make(index));

function built(routings: readonly string[], gateways: readonly string[], servers: number): () => Built {
  const text = gateways.flatMap((name, at) => {
    const ports = many(servers, (index) => plain(1000 + at * servers + index)).join(', ');
    return ['a', 'b'].map((of) => istio('Gateway', name, of, `{selector: {app: edge}, servers: [${ports}]}`));
  });
  const files = { 'v.yaml': routings.join(''), 'g.yaml': text.join(''), 's.yaml': service('s', 'a') };
  const read = scope({ path: 'acme', files });
  expect(read.problems).toEqual([]);
  return () => build([read]);
}

const codes = ({ problems }: Built) => [...new Set(problems.map(({ code }) => code))];

/** Of three runs, the one that was disturbed least. */
function cpuOf(run: () => void): number {
  const times = many(3, () => {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    return user + system;
  });
  return Math.min(...times);
}

test('those of two namespaces, at gateways with many ports, take not much longer than those of one', () => {
  const [one = 0, two = 0] = [2, 1].map((step) => {
    const all = many(200, (index) => route(index * step, ['g']));
    const make = built(all, ['g'], 100);
    return cpuOf(() => expect(codes(make())).toEqual([]));
  });
  expect(two).toBeLessThan(one * 3);
});

test.each([
  ['two of one path', '', '', ['FL3202']],
  ['one at a port that both have', '', ', port: 1001', ['FL3202']],
  ['one at a port that they have not', '', ', port: 80', []],
  ['at gateways with one port', ', gateways: [a/h]', ', gateways: [b/h], port: 1001', ['FL3202']],
  ['at gateways with other ports', ', gateways: [a/g]', ', gateways: [b/h]', []],
  ['one at a gateway, one at the port of another', ', gateways: [a/g]', ', port: 1001', []],
  ['both at ports that differ', ', port: 1000', ', port: 1001', []],
])('%s', (_, left, right, expected) => {
  const at = (index: number, match: string) =>
    route(index, ['g', 'h'], match).replace(`exact: /${index}`, 'exact: /');
  const open = codes(built([at(0, left), at(1, right)], ['g', 'h'], 1)());
  expect(open.filter((code) => code === 'FL3202')).toEqual(expected);
});

test('a match counts for each gateway that it names', () => {
  const named = (count: number) => `, gateways: [${many(count, () => 'a/g').join(', ')}]`;
  const all = (count: number) =>
    codes(
      built(
        many(40, (index) => route(index * 2, ['g'], named(count))),
        ['g'],
        1,
      )(),
    );
  expect(all(50)).toEqual([]);
  expect(all(51)).toEqual(['FL3202']);
});

test('so many gateways that they are not compared are refused', () => {
  const names = many(40, (index) => `g${index}`);
  const some = (index: number) => names.filter((_, at) => (at + index) % 41 !== 0 || index === 0);
  const all = (count: number) =>
    codes(
      built(
        many(count, (index) => route(index, some(index))),
        names,
        2,
      )(),
    );
  expect(all(4)).toEqual([]);
  expect(all(80)).toEqual(['FL3202']);
});

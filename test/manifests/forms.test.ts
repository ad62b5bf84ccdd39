import { expect, test } from 'vitest';
import { manifest, read } from './scope.ts';

/** What a problem says to write where a value does not have its form. */

const rule = (policy: string) => manifest('DestinationRule', `  host: a\n  trafficPolicy: ${policy}`);

test.each([
  [
    'hosts of a Sidecar',
    manifest('Sidecar', '  egress: [{ hosts: [nope] }]'),
    /namespace\/host, such as \.\/\*/,
  ],
  [
    'a host',
    manifest('DestinationRule', '  host: a b'),
    /a host name, or a wildcard such as \*\.example\.com/,
  ],
  [
    'exportTo',
    manifest('DestinationRule', '  host: a\n  exportTo: [A]'),
    /\. for this namespace, \* for all/,
  ],
  [
    'a path',
    manifest('VirtualService', '  hosts: [a]\n  http: [{ redirect: { uri: b } }]'),
    /begins with \//,
  ],
  [
    'a locality',
    rule('{ loadBalancer: { localityLbSetting: { failover: [{ from: a/b, to: c }] } } }'),
    /a region/,
  ],
  [
    'a duration',
    rule('{ connectionPool: { tcp: { idleTimeout: 5 s } } }'),
    /a duration with its unit: 250ms/,
  ],
  [
    'a key of labels',
    manifest('DestinationRule', '  host: a\n  subsets: [{ name: a, labels: { "a b": c } }]'),
    /the name of a label, such as app/,
  ],
  ['a number that is too large', rule('{ retryBudget: { percent: 101 } }'), /a number that is at most 100/],
  ['a number that is too small', rule('{ retryBudget: { percent: -1 } }'), /a number that is at least 0/],
  [
    'a number at its bound',
    rule('{ loadBalancer: { warmup: { duration: 1s, aggression: 0 } } }'),
    /a number above 0/,
  ],
  ['too few', manifest('Gateway', '  servers: []'), /at least 1 of them/],
  ['too many', manifest('VirtualService', `  hosts: [${'a, '.repeat(257)}]`), /at most 256 of them/],
  [
    'nothing said',
    manifest('VirtualService', '  hosts: [a]\n  http: [{ redirect: {} }]'),
    /at least 1 of its fields/,
  ],
  [
    'two ways',
    manifest(
      'VirtualService',
      '  hosts: [a]\n  http: [{ match: [{ uri: { exact: /, prefix: / } }], redirect: { uri: /b } }]',
    ),
    /at most 1 of its fields/,
  ],
] as const)('%s', (_, text, expected) => {
  const [problem] = read({ 'a.yaml': text }).problems;
  expect(problem?.fix).toMatch(expected);
  expect(problem?.fix).toMatch(/^write /);
});

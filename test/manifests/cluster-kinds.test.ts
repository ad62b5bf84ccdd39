import { expect, test } from 'vitest';
import { named, problemsOf, read } from './scope.ts';

const head = (kind: string, apiVersion = 'v1') =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: a }\n`;
const istio = 'networking.istio.io/v1';

test.each<readonly [string, string, readonly string[]]>([
  ['a Namespace', `${head('Namespace')}spec: { finalizers: [kubernetes] }\n`, []],
  ['a Node', `${head('Node')}spec: { podCIDR: 10.0.0.0/24 }\nstatus: {}\n`, []],
  ['a ServiceAccount', `${head('ServiceAccount')}automountServiceAccountToken: false\n`, []],
  ['a Pod', `${head('Pod')}spec: { anything: [1] }\nstatus: { podIP: 10.0.0.1, qosClass: x }\n`, []],
  ['a Pod at no address', `${head('Pod')}status: { podIP: here }\n`, ['FL2208 4:1']],
  [
    'a Pod whose port is none',
    `${head('Pod')}spec: { containers: [{ ports: [{ containerPort: 0 }] }] }\n`,
    ['FL2111 4:49'],
  ],
  ['a Pod that says more', `${head('Pod')}more: 1\n`, ['FL2105 4:1']],
  ['a WorkloadGroup', `${head('WorkloadGroup', istio)}spec: { template: { ports: {} } }\n`, ['FL2280 4:1']],
  ['a WorkloadGroup of nothing', `${head('WorkloadGroup', istio)}spec: {}\n`, ['FL2106 4:1']],
  [
    'a ProxyConfig of half a thread',
    `${head('ProxyConfig', 'networking.istio.io/v1beta1')}spec: { concurrency: 0.5 }\n`,
    ['FL2107 4:22'],
  ],
  [
    'a ProxyConfig',
    `${head('ProxyConfig', 'networking.istio.io/v1beta1')}spec: { concurrency: 2, environmentVariables: { A: b }, image: { imageType: a } }\n`,
    ['FL2280 4:9', 'FL2280 4:25', 'FL2280 4:57'],
  ],
  [
    'the selector of a ProxyConfig, which says whom the rest is for',
    `${head('ProxyConfig', 'networking.istio.io/v1beta1')}spec: { selector: { matchLabels: { a: b } } }\n`,
    [],
  ],
])('%s', (_what, text, expected) => {
  expect(problemsOf(text)).toEqual(expected);
});

test('a Node has no namespace; a Namespace is one, and has to be owned', () => {
  const owns = { namespaces: ['a'], hosts: [] };
  const all = `${head('Node')}---\n${head('Namespace')}---\n${head('Namespace').replace('name: a', 'name: b')}`;
  const { resources, problems } = read({ 'a.yaml': all }, { owns });
  expect(named(resources).map((name) => name.split(' ')[0])).toEqual(['Node', 'Namespace']);
  expect(problems.map(({ code, line }) => [code, line])).toEqual([['FL2203', 11]]);
});

import { expect, test } from 'vitest';
import { manifest, problemsOf } from './scope.ts';

test.each<readonly [string, string, readonly string[]]>([
  ['an external name', '  type: ExternalName\n  externalName: a.example\n  ports: [{ port: 80 }]', []],
  ['without ports: a warning', '  type: ExternalName\n  externalName: a.example', ['FL2244 6:17']],
  ['without the name', '  type: ExternalName\n  ports: [{ port: 80 }]', ['FL2106 4:1']],
  ['that is none', '  type: ExternalName\n  externalName: a b\n  ports: [{ port: 80 }]', ['FL2208 6:17']],
  ['of another type: a warning', '  externalName: a.example\n  ports: [{ port: 80 }]', ['FL2244 5:3']],
  ['session affinity', '  sessionAffinity: ClientIP\n  ports: [{ port: 80 }]', []],
  [
    'the timeout that Kubernetes writes into all',
    '  sessionAffinity: ClientIP\n  sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } }\n  ports: [{ port: 80 }]',
    [],
  ],
  [
    'another timeout, which is longer here',
    '  sessionAffinity: ClientIP\n  sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } }\n  ports: [{ port: 80 }]',
    ['FL2280 6:40'],
  ],
  ['the same zone', '  trafficDistribution: PreferSameZone\n  ports: [{ port: 80 }]', []],
  ['the same node', '  trafficDistribution: PreferSameNode\n  ports: [{ port: 80 }]', []],
  ['the same node or none', '  internalTrafficPolicy: Local\n  ports: [{ port: 80 }]', []],
  [
    'TCP and UDP of one number',
    '  ports: [{ name: a, port: 53, protocol: UDP }, { name: b, port: 53, protocol: TCP }]',
    ['FL2280 5:42'],
  ],
  [
    'UDP twice',
    '  ports: [{ name: a, port: 53, protocol: UDP }, { name: b, port: 53, protocol: UDP }]',
    ['FL2280 5:42', 'FL2204 5:66', 'FL2280 5:80'],
  ],
])('Service: %s', (_what, spec, expected) => {
  expect(problemsOf(manifest('Service', spec))).toEqual(expected);
});

const entry = (spec: string) =>
  `  hosts: [a.example]\n  ports: [{ number: 80, name: http }]\n  resolution: DNS_ROUND_ROBIN\n  ${spec}`;

test.each<readonly [string, string, readonly string[]]>([
  ['its own name', entry(''), []],
  ['one endpoint', entry('endpoints: [{ address: b.example }]'), []],
  ['two endpoints', entry('endpoints: [{ address: b.example }, { address: c.example }]'), ['FL2207 8:39']],
  ['a range', entry('addresses: [10.0.0.0/8]'), ['FL2207 8:15']],
  ['a wildcard', entry('').replace('a.example', '"*.example"'), ['FL2207 5:11']],
])('ServiceEntry by DNS_ROUND_ROBIN: %s', (_what, spec, expected) => {
  expect(problemsOf(manifest('ServiceEntry', spec))).toEqual(expected);
});

const asked = (more: string, port = '{ number: 80, name: http, protocol: HTTP }') =>
  `  hosts: ["*.example"]\n  ports: [${port}]\n  resolution: DYNAMIC_DNS\n  ${more}`;

test.each<readonly [string, string, readonly string[]]>([
  ['a wildcard', asked(''), []],
  ['TLS', asked('', '{ number: 443, name: tls, protocol: TLS }'), []],
  ['endpoints', asked('endpoints: [{ address: 10.0.0.1 }]'), ['FL2207 8:3']],
  ['a selector', asked('workloadSelector: { labels: { app: a } }'), ['FL2207 8:3']],
  ['bytes', asked('', '{ number: 80, name: a, protocol: TCP }'), ['FL2207 6:44']],
  ['nobody knows what', asked('', '{ number: 80, name: http }'), ['FL2207 6:11']],
  ['another port', asked('', '{ number: 80, name: a, protocol: HTTP, targetPort: 81 }'), ['FL2207 6:62']],
])('ServiceEntry by DYNAMIC_DNS: %s', (_what, spec, expected) => {
  expect(problemsOf(manifest('ServiceEntry', spec))).toEqual(expected);
});

test('networks: an endpoint is called at its own address, and a warning says so', () => {
  const inline = '  hosts: [a.example]\n  ports: [{ number: 80, name: http }]\n  resolution: STATIC\n';
  const endpoint = '  endpoints: [{ address: 10.0.0.1, network: vpc-1 }]';
  expect(problemsOf(manifest('ServiceEntry', inline + endpoint))).toEqual(['FL2280 8:36']);
  expect(problemsOf(manifest('WorkloadEntry', '  address: 10.0.0.1\n  network: vpc-1'))).toEqual([
    'FL2280 6:3',
  ]);
});

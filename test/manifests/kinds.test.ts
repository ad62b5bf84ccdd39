import { describe, expect, test } from 'vitest';
import { manifest, named, problemsOf, read } from './scope.ts';

/** A spec below four lines of apiVersion, kind, metadata and `spec:`: its first line is line 5. */
type Case = readonly [name: string, spec: string, problems: readonly string[]];

const istioVersions = ['v1', 'v1beta1', 'v1alpha3'].map((version) => `networking.istio.io/${version}`);

describe('apiVersion and kind', () => {
  test.each(istioVersions)('%s', (apiVersion) => {
    const document = manifest('WorkloadEntry', '  address: 127.0.0.1').replace(
      'networking.istio.io/v1',
      apiVersion,
    );
    expect(named(read({ 'a.yaml': document }).resources)).toEqual(['WorkloadEntry default/x']);
  });

  test.each([
    ['kind: Service\n', 'FL2101 1:1'],
    ['apiVersion: v1\n', 'FL2101 1:1'],
    ['apiVersion: 1\nkind: Service\n', 'FL2107 1:13'],
    ['apiVersion: v1\nkind: Servce\n', 'FL2102 2:7'],
    ['apiVersion: apps/v1\nkind: Deployment\n', 'FL2102 2:7'],
    ['apiVersion: v1\nkind: List\n', 'FL2102 2:7'],
    ['apiVersion: networking.istio.io/v2\nkind: VirtualService\n', 'FL2103 1:13'],
    ['apiVersion: serving.knative.dev/v1\nkind: Service\n', 'FL2103 1:13'],
    ['apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\n', 'FL2114 2:7'],
    ['apiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\n', 'FL2114 2:7'],
    ['apiVersion: gateway.networking.k8s.io/v1\nkind: TLSRoute\n', 'FL2114 2:7'],
    ['apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n', 'FL2114 2:7'],
    ['apiVersion: fairlead.dev/v1alpha1\nkind: Scope\n', 'FL2113 2:7'],
    ['apiVersion: fairlead.dev/v1alpha1\nkind: Delegations\n', 'FL2113 2:7'],
    ['apiVersion: v1\nkind: Secret\nstringData: { password: x }\n', 'FL2115 2:7'],
    ['apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\n', 'FL2115 2:7'],
  ])('%j', (document, expected) => {
    expect(problemsOf(document)).toEqual([expected]);
  });

  test('a slip in the kind is named', () => {
    const [problem] = read({ 'a.yaml': 'apiVersion: v1\nkind: VirtualServce\n' }).problems;
    expect(problem?.fix).toContain('VirtualService');
  });
});

describe('metadata', () => {
  const withMetadata = (metadata: string): string =>
    `apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata:\n${metadata}\nspec: { address: 127.0.0.1 }\n`;

  test.each([
    ['no name', '  namespace: a', ['FL2112 3:1']],
    ['an empty name', "  name: ''", ['FL2109 4:9']],
    ['a name in capitals', '  name: Echo', ['FL2109 4:9']],
    ['a namespace with a dot', '  name: a\n  namespace: b.c', ['FL2109 5:14']],
    ['an unknown field', '  name: a\n  lables: {}', ['FL2105 5:3']],
    ['generateName without a name', '  generateName: b-', ['FL2112 3:1']],
    ['a label that is a number', '  name: a\n  labels:\n    v: 1', ['FL2107 6:8']],
    ['a label that is too long', `  name: a\n  labels:\n    v: ${'x'.repeat(64)}`, ['FL2109 6:8']],
    ["a label's key with a space", '  name: a\n  labels:\n    a b: c', ['FL2109 6:5']],
    [
      'exportTo by annotation, of what is no Service: a warning',
      '  name: a\n  annotations:\n    networking.istio.io/exportTo: .',
      ['FL2244 6:5'],
    ],
    [
      'a malformed exportTo by annotation',
      '  name: a\n  annotations:\n    networking.istio.io/exportTo: A',
      ['FL2109 6:35'],
    ],
    ['empty labels', '  name: a\n  labels:', ['FL2107 5:10']],
    [
      'what a cluster adds',
      "  name: a\n  uid: b\n  resourceVersion: '1'\n  managedFields: []\n  annotations: { c: d }",
      [],
    ],
  ] as readonly Case[])('%s', (_name, metadata, expected) => {
    expect(problemsOf(withMetadata(metadata))).toEqual(expected);
  });
});

describe('Service', () => {
  test.each([
    [
      'everything honoured',
      '  type: NodePort\n  clusterIP: 10.0.0.1\n  selector: { app: x }\n  ports:\n  - { name: a, port: 1, targetPort: http, protocol: TCP, appProtocol: http2, nodePort: 30000 }\n  - { name: b, port: 2, targetPort: 8080 }',
      [],
    ],
    ['a headless service without ports', '  clusterIP: None', []],
    [
      'what Kubernetes keeps for itself',
      '  ports: [{ port: 1 }]\n  externalTrafficPolicy: Local\n  ipFamilies: [IPv4]\n  internalTrafficPolicy: Cluster\n  sessionAffinity: None',
      [],
    ],
    ['addresses of both families', "  ports: [{ port: 1 }]\n  clusterIPs: [10.0.0.1, '2001:db8::1']", []],
    ['no address yet', "  ports: [{ port: 1 }]\n  clusterIP: ''", []],
    ['an address that is a host', '  ports: [{ port: 1 }]\n  clusterIP: cafe.de', ['FL2208 6:14']],
    ['no octet', '  ports: [{ port: 1 }]\n  clusterIPs: [10.0.0.999]', ['FL2208 6:16']],
    [
      'two first addresses',
      '  ports: [{ port: 1 }]\n  clusterIP: 10.0.0.1\n  clusterIPs: [10.0.0.2]',
      ['FL2212 7:16'],
    ],
    ['no ports', '  selector: { app: x }', ['FL2106 4:1']],
    ['a port of 0', '  ports: [{ port: 0 }]', ['FL2111 5:19']],
    ['a port above 65535', '  ports: [{ port: 65536 }]', ['FL2111 5:19']],
    ['a port as text', "  ports: [{ port: '80' }]", ['FL2107 5:19']],
    ['a target port of 0', '  ports: [{ port: 1, targetPort: 0 }]', ['FL2111 5:34']],
    ['a port twice', '  ports:\n  - { name: a, port: 1 }\n  - { name: b, port: 1 }', ['FL2204 7:22']],
    ['a port name twice', '  ports:\n  - { name: a, port: 1 }\n  - { name: a, port: 2 }', ['FL2204 7:13']],
    ['several ports, one without a name', '  ports:\n  - { name: a, port: 1 }\n  - port: 2', ['FL2205 7:5']],
    ['UDP', '  ports: [{ port: 1, protocol: UDP }]', ['FL2280 5:32']],
    ['no protocol at all', '  ports: [{ port: 1, protocol: tcp }]', ['FL2108 5:32']],
    ['a field of a port misspelt', '  ports: [{ port: 1, naem: a }]', ['FL2105 5:22']],
  ] as readonly Case[])('%s', (_name, spec, expected) => {
    expect(problemsOf(manifest('Service', spec))).toEqual(expected);
  });
});

describe('ServiceEntry', () => {
  const ports = '  ports: [{ number: 80, name: http, protocol: HTTP }]';
  test.each([
    [
      'static endpoints',
      `  hosts: [a.example]\n${ports}\n  resolution: STATIC\n  endpoints: [{ address: "::1", ports: { http: 1 } }]`,
      [],
    ],
    [
      'a workload selector',
      `  hosts: [a.example]\n${ports}\n  resolution: STATIC\n  workloadSelector: { labels: { app: a } }\n  exportTo: [".", b]`,
      [],
    ],
    ['DNS', `  hosts: [api.example.com]\n${ports}\n  resolution: DNS\n  location: MESH_EXTERNAL`, []],
    ['no hosts', ports, ['FL2106 4:1']],
    ['an empty list of hosts', `  hosts: []\n${ports}`, ['FL2109 5:3']],
    ['no ports', '  hosts: [a.example]', ['FL2106 4:1']],
    ['the host *', `  hosts: ["*"]\n${ports}`, ['FL2213 5:11']],
    ['a wildcard in the middle', `  hosts: [a.*.example]\n${ports}`, ['FL2109 5:11']],
    ['a host twice', `  hosts: [a.example, a.example]\n${ports}`, ['FL2212 5:22']],
    ['a wildcard with DNS', `  hosts: ["*.example"]\n${ports}\n  resolution: DNS`, ['FL2207 5:11']],
    ['a resolution misspelt', `  hosts: [a.example]\n${ports}\n  resolution: STATC`, ['FL2108 7:15']],
    [
      'a protocol that is not honoured',
      '  hosts: [a.example]\n  ports: [{ number: 1, name: a, protocol: UDP }]',
      ['FL2104 6:43'],
    ],
    ['a port without a name', '  hosts: [a.example]\n  ports: [{ number: 1 }]', ['FL2106 6:11']],
    [
      'endpoints and a selector',
      `  hosts: [a.example]\n${ports}\n  resolution: STATIC\n  endpoints: [{ address: 127.0.0.1 }]\n  workloadSelector: { labels: {} }`,
      ['FL2206 9:3'],
    ],
    [
      'endpoints without resolution',
      `  hosts: [a.example]\n${ports}\n  endpoints: [{ address: 127.0.0.1 }]`,
      ['FL2207 7:3'],
    ],
    [
      'static without endpoints: a warning',
      `  hosts: [a.example]\n${ports}\n  resolution: STATIC`,
      ['FL2214 7:15'],
    ],
    [
      'a static host name',
      `  hosts: [a.example]\n${ports}\n  resolution: STATIC\n  endpoints: [{ address: b.example }]`,
      ['FL2208 8:26'],
    ],
    [
      'an endpoint without an address',
      `  hosts: [a.example]\n${ports}\n  resolution: DNS\n  endpoints: [{ labels: {} }]`,
      ['FL2106 8:15'],
    ],
    [
      "an endpoint's port that is none",
      `  hosts: [a.example]\n${ports}\n  resolution: DNS\n  endpoints: [{ address: b.example, ports: { htp: 1 } }]`,
      ['FL2209 8:46'],
    ],
    ['an address that is none', `  hosts: [a.example]\n${ports}\n  addresses: [1.2.3.400]`, ['FL2208 7:15']],
    ['a range of 33 bits', `  hosts: [a.example]\n${ports}\n  addresses: [10.0.0.0/33]`, ['FL2208 7:15']],
    [
      'a range with DNS',
      `  hosts: [a.example]\n${ports}\n  addresses: [10.0.0.0/8]\n  resolution: DNS`,
      ['FL2207 7:15'],
    ],
    [
      'an endpoint at every address',
      `  hosts: [a.example]\n${ports}\n  resolution: STATIC\n  endpoints: [{ address: 0.0.0.0 }]`,
      ['FL2246 8:26'],
    ],
  ] as readonly Case[])('%s', (_name, spec, expected) => {
    expect(problemsOf(manifest('ServiceEntry', spec))).toEqual(expected);
  });
});

describe('WorkloadEntry', () => {
  test.each([
    [
      'IPv4',
      '  address: 127.0.0.1\n  ports: { http: 1 }\n  labels: { a: b }\n  locality: eu/west/1\n  weight: 2\n  serviceAccount: a',
      [],
    ],
    ['IPv6', '  address: "fe80::1:2"', []],
    ['IPv4 in IPv6', '  address: "::ffff:10.0.0.1"', []],
    ['a host name', '  address: vm-1.example', []],
    ['no address', '  ports: { http: 1 }', ['FL2106 4:1']],
    ['a socket', '  address: unix:///tmp/x', ['FL2208 5:12']],
    ['too many groups', '  address: "1:2:3:4:5:6:7:8:9"', ['FL2208 5:12']],
    ['an octet of 256', '  address: 1.2.3.256', ['FL2208 5:12']],
    ['a port of 0', '  address: 127.0.0.1\n  ports:\n    http: 0', ['FL2111 7:11']],
    ['a negative weight', '  address: 127.0.0.1\n  weight: -1', ['FL2109 6:11']],
    ['a locality of four parts', '  address: 127.0.0.1\n  locality: a/b/c/d', ['FL2109 6:13']],
    ['another network', '  address: 127.0.0.1\n  network: lan', ['FL2280 6:3']],
    ['every address', "  address: '0::0'", ['FL2246 5:12']],
  ] as readonly Case[])('%s', (_name, spec, expected) => {
    expect(problemsOf(manifest('WorkloadEntry', spec))).toEqual(expected);
  });
});

describe('DestinationRule', () => {
  test.each([
    [
      'subsets',
      "  host: a\n  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2 }]\n  exportTo: ['*']",
      [],
    ],
    ['no host', '  subsets: []', ['FL2106 4:1']],
    ['a subset twice', '  host: a\n  subsets:\n  - name: v1\n  - name: v1', ['FL2212 8:11']],
    ['exportTo', '  host: a\n  exportTo: [., b]', []],
    ['a malformed exportTo', '  host: a\n  exportTo: [B]', ['FL2109 6:14']],
  ] as readonly Case[])('%s', (_name, spec, expected) => {
    expect(problemsOf(manifest('DestinationRule', spec))).toEqual(expected);
  });
});

describe('VirtualService', () => {
  const route = 'route: [{ destination: { host: a } }]';
  const one = (rest: string): string => `  hosts: [a]\n  http:\n  - ${route}\n    ${rest}`;
  const weights = (...all: readonly (number | null)[]): string => {
    const lines = all.map(
      (weight) => `    - destination: { host: a }${weight === null ? '' : `\n      weight: ${weight}`}`,
    );
    return `  hosts: [a]\n  http:\n  - route:\n${lines.join('\n')}`;
  };

  test.each([
    [
      'every match',
      one(
        "match: [{ name: m, uri: { prefix: / }, scheme: { exact: http }, method: { regex: GET|PUT }, authority: { exact: a }, headers: { a: {}, b: { regex: '.+' } }, withoutHeaders: { z: { exact: '' } }, queryParams: { q: { exact: '1' } }, ignoreUriCase: true, port: 80, sourceLabels: { app: b }, sourceNamespace: c }]",
      ),
      [],
    ],
    [
      'timeout and retries',
      one("timeout: 1m30s\n    retries: { attempts: 3, perTryTimeout: 250ms, retryOn: '5xx,reset' }"),
      [],
    ],
    ['the gateway mesh', `  gateways: [mesh]\n${one('name: r')}\n  exportTo: [., b]`, []],
    ['gateways', `  gateways: [mesh, ns/gw, gw]\n${one('name: r')}`, []],
    ['a gateway twice', `  gateways: [gw, default/gw]\n${one('name: r')}`, ['FL2212 5:18']],
    ['a malformed gateway', `  gateways: [ns/gw/x]\n${one('name: r')}`, ['FL2109 5:14']],
    ['a match for one of them', `  gateways: [mesh, gw]\n${one('match: [{ gateways: [default/gw] }]')}`, []],
    ['a match for another one', one('match: [{ gateways: [gw] }]'), ['FL2261 8:26']],
    ['the host *, for gateways only', `  gateways: [gw]\n${one('name: r').replace('[a]', '["*"]')}`, []],
    ['no hosts: a delegate', `  http: [{ ${route} }]`, []],
    ['the host *', `  hosts: ["*"]\n  http: [{ ${route} }]`, ['FL2213 5:11']],
    ['no routes', '  hosts: [a]', ['FL2106 4:1']],
    ['no routes of any kind', '  hosts: [a]\n  tcp: []', ['FL2106 4:1']],
    [
      'tls routes without a name',
      `  hosts: [a]\n  tls:\n  - match: [{ port: 1 }]\n    ${route}`,
      ['FL2106 7:13'],
    ],
    [
      "the SNI of somebody else's host",
      `  hosts: ['*.a.b']\n  tls:\n  - match: [{ sniHosts: [x.a.b, a.b] }]\n    ${route}`,
      ['FL2262 7:33'],
    ],
    [
      'no range',
      `  hosts: [a]\n  tcp:\n  - match: [{ destinationSubnets: [10.0.0.0/33] }]\n    ${route}`,
      ['FL2208 7:36'],
    ],
    [
      'the address of a client',
      `  hosts: [a]\n  tcp:\n  - match: [{ sourceSubnet: 10.0.0.0/8 }]\n    ${route}`,
      ['FL2104 7:15'],
    ],
    [
      'a tcp route after one for everything: a warning',
      `  hosts: [a]\n  tcp:\n  - ${route}\n  - ${route}`,
      ['FL2215 8:5'],
    ],
    [
      'a tcp route to several of which one has a weight: a warning',
      '  hosts: [a]\n  tcp:\n  - route:\n    - { destination: { host: b }, weight: 1 }\n    - { destination: { host: c } }',
      ['FL2210 9:7'],
    ],
    [
      'a gateway of no concern to tcp',
      `  hosts: [a]\n  tcp:\n  - match: [{ gateways: [edge] }]\n    ${route}`,
      ['FL2261 7:26'],
    ],
    ['tcp routes', `  hosts: [a]\n  tcp:\n  - ${route}`, []],
    ['a route to nowhere', '  hosts: [a]\n  http:\n  - name: r', ['FL2106 7:5']],
    ['delegate of no name', one('delegate: {}'), ['FL2106 8:5']],
    ['delegate beside route', one('delegate: { name: b }'), ['FL2220 8:5']],
    ['a delegate', `  http:\n  - ${route}`, []],
    ['a delegate that delegates', '  hosts: []\n  http:\n  - delegate: { name: b }', ['FL2263 7:5']],
    ['a delegate of a gateway', `  gateways: [a]\n  http:\n  - ${route}`, ['FL2263 5:3']],
    ['a timeout without a unit', one('timeout: 5'), ['FL2110 8:14']],
    ['a timeout in days', one('timeout: 1d'), ['FL2110 8:14']],
    ['a timeout below 1ms', one('timeout: 10us'), ['FL2110 8:14']],
    ['a timeout of 0s: none', one('timeout: 0s'), []],
    ['too many attempts', one('retries: { attempts: 1001 }'), ['FL2109 8:26']],
    ['retries misspelt', one('retrys: {}'), ['FL2105 8:5']],
    ['weights that do not add up to 100', weights(9, 1), []],
    ['one destination, weight 0', weights(0), ['FL2201 7:5']],
    ['all weights 0', weights(0, 0), ['FL2201 7:5']],
    ['no weights', weights(null, null), ['FL2201 7:5']],
    ['one weight missing: a warning', weights(90, null), ['FL2210 10:7']],
    ["weights beyond Envoy's sum", weights(2147483647, 2147483647, 2), ['FL2201 7:5']],
    ['two ways to match', one('match: [{ uri: { exact: /, prefix: / } }]'), ['FL2109 8:15']],
    ['no way to match', one('match: [{ uri: {} }]'), ['FL2109 8:15']],
    ['an empty prefix', one("match: [{ uri: { prefix: '' } }]"), ['FL2109 8:15']],
    ['an empty prefix of a header', one("match: [{ headers: { a: { prefix: '' } } }]"), ['FL2109 8:39']],
    ['an empty expression', one("match: [{ queryParams: { a: { regex: '' } } }]"), ['FL2109 8:42']],
    ['an empty header', one("match: [{ headers: { a: { exact: '' } } }]"), []],
    ['a header in capitals', one('match: [{ headers: { X-A: {} } }]'), ['FL2109 8:26']],
    ['look-ahead', one("match: [{ uri: { regex: 'a(?=b)' } }]"), ['FL2211 8:29']],
    ['a back-reference', one(String.raw`match: [{ uri: { regex: '(a)\1' } }]`), ['FL2211 8:29']],
    ['an escaped backslash before a digit', one(String.raw`match: [{ uri: { regex: 'a\\1(?i)b' } }]`), []],
    ['a route after one for everything: a warning', `${one('name: r')}\n  - ${route}`, ['FL2215 9:5']],
  ] as readonly Case[])('%s', (_name, spec, expected) => {
    expect(problemsOf(manifest('VirtualService', spec))).toEqual(expected);
  });

  test('a warning keeps the resource', () => {
    const { resources, problems } = read({ 'a.yaml': manifest('VirtualService', weights(90, null)) });
    expect(named(resources)).toEqual(['VirtualService default/x']);
    expect(problems.map(({ severity }) => severity)).toEqual(['warning']);
  });
});

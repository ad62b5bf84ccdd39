import { expect, test } from 'vitest';
import { manifest, problemsOf } from './scope.ts';

test.each<readonly [string, string, readonly string[]]>([
  [
    'everything',
    `  workloadSelector: { labels: { app: a } }
  ingress:
  - { port: { number: 80, name: http, protocol: HTTP }, bind: 10.0.0.1, captureMode: NONE, defaultEndpoint: "127.0.0.1:8080" }
  - { port: { number: 81 }, defaultEndpoint: unix:///run/app.sock }
  - { port: { number: 82 }, defaultEndpoint: "[::]:82" }
  egress:
  - { port: { number: 80 }, captureMode: IPTABLES, hosts: [./a.example, "*/*"] }
  - { hosts: ["~/*", "b/*.example"] }
  outboundTrafficPolicy: { mode: REGISTRY_ONLY }`,
    [],
  ],
  ['nothing', '  {}', []],
  [
    'the rest before a port',
    `  egress:
  - { hosts: [./a] }
  - { port: { number: 80 }, hosts: [./a] }`,
    ['FL2270 6:5'],
  ],
  [
    'one port of egress twice',
    `  egress:
  - { port: { number: 80 }, hosts: [./a] }
  - { port: { number: 80 }, hosts: [./a] }`,
    ['FL2204 7:23'],
  ],
  [
    'one port of ingress twice',
    `  ingress:
  - { port: { number: 80 } }
  - { port: { number: 80 } }`,
    ['FL2204 7:23'],
  ],
  ['a target port of ingress', '  ingress: [{ port: { number: 80, targetPort: 81 } }]', ['FL2280 5:35']],
  [
    'a target port of egress',
    '  egress: [{ hosts: [./a], port: { number: 80, targetPort: 81 } }]',
    ['FL2280 5:48'],
  ],
  ['a host without a namespace', '  egress: [{ hosts: [a.example] }]', ['FL2109 5:22']],
  ['a host left out of nothing', '  egress: [{ hosts: [~/a.example] }]', ['FL2213 5:22']],
  ['a namespace left out of nothing', '  egress: [{ hosts: [~shop/*] }]', ['FL2213 5:22']],
  ['hosts and namespaces left out of all', '  egress: [{ hosts: ["*/*", ~shop/*, ~/a.example, ~./*] }]', []],
  ['a namespace left out twice over', '  egress: [{ hosts: ["*/*", ~~shop/*] }]', ['FL2109 5:29']],
  ['a host twice', '  egress: [{ hosts: [./a, ./a] }]', ['FL2212 5:27']],
  ['no hosts', '  egress: [{ hosts: [] }]', ['FL2109 5:14']],
  ['a bind that is a name', '  ingress: [{ port: { number: 80 }, bind: localhost }]', ['FL2208 5:43']],
  [
    'an application on another machine',
    '  ingress: [{ port: { number: 80 }, defaultEndpoint: "10.0.0.1:80" }]',
    ['FL2208 5:54'],
  ],
  [
    'an application without a port',
    '  ingress: [{ port: { number: 80 }, defaultEndpoint: 127.0.0.1 }]',
    ['FL2208 5:54'],
  ],
  [
    'an application at port 70000',
    '  ingress: [{ port: { number: 80 }, defaultEndpoint: "127.0.0.1:70000" }]',
    ['FL2208 5:54'],
  ],
  [
    'an application at no path',
    '  ingress: [{ port: { number: 80 }, defaultEndpoint: "unix:///" }]',
    ['FL2208 5:54'],
  ],
  [
    'a proxy for what is unknown, which is refused',
    '  outboundTrafficPolicy: { egressProxy: { host: a } }',
    ['FL2244 5:28'],
  ],
  [
    'requests by name, which Istio has in the MeshConfig alone',
    '  outboundTrafficPolicy: { mode: ALLOW_ANY_DYNAMIC_DNS }',
    ['FL2104 5:34'],
  ],
  [
    'a proxy for what is unknown without a host',
    '  outboundTrafficPolicy: { mode: ALLOW_ANY, egressProxy: {} }',
    ['FL2106 5:45'],
  ],
  [
    'a bound listener of egress without a port',
    '  egress: [{ hosts: [./a], bind: 127.0.0.1 }]',
    ['FL2106 5:12'],
  ],
  ['that is not captured, likewise', '  egress: [{ hosts: [./a], captureMode: NONE }]', ['FL2106 5:12']],
  [
    'a listener of egress at no address',
    '  egress: [{ hosts: [./a], port: { number: 80 }, bind: a.example }]',
    ['FL2208 5:56'],
  ],
  [
    'a listener of egress at no path',
    '  egress: [{ hosts: [./a], port: { number: 80 }, bind: "unix://a" }]',
    ['FL2208 5:56'],
  ],
  [
    'one socket of egress twice',
    '  egress: [{ hosts: [./a], port: { number: 80 }, bind: "unix:///a" }, { hosts: [./a], port: { number: 81 }, bind: "unix:///a" }]',
    ['FL2204 5:115'],
  ],
  [
    'a captured socket',
    '  egress: [{ hosts: [./a], port: { number: 80 }, bind: "unix:///a", captureMode: IPTABLES }]',
    ['FL2244 5:82'],
  ],
  ['TLS of ingress that does not end', '  ingress: [{ port: { number: 80 }, tls: {} }]', ['FL2221 5:37']],
  [
    'TLS of ingress for a port in plain text',
    '  ingress: [{ port: { number: 80, protocol: HTTP }, tls: { mode: SIMPLE } }]',
    ['FL2221 5:15'],
  ],
  [
    'TLS of ingress without a certificate',
    '  ingress: [{ port: { number: 80, protocol: HTTPS }, tls: { mode: SIMPLE } }]',
    ['FL2106 5:54'],
  ],
  [
    'connections of ingress that live for no time',
    '  ingress: [{ port: { number: 80 }, connectionPool: { tcp: { maxConnectionDuration: 0s } } }]',
    ['FL2110 5:85'],
  ],
  [
    'connections of all ingress, likewise',
    '  inboundConnectionPool: { tcp: { connectTimeout: 0s } }',
    ['FL2110 5:51'],
  ],
])('%s', (_what, spec, expected) => {
  expect(problemsOf(manifest('Sidecar', spec))).toEqual(expected);
});

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
  ['a host without a namespace', '  egress: [{ hosts: [a.example] }]', ['FL2109 5:22']],
  ['a host of nothing', '  egress: [{ hosts: [~/a.example] }]', ['FL2213 5:22']],
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
  ['a proxy for what is unknown', '  outboundTrafficPolicy: { egressProxy: { host: a } }', ['FL2104 5:28']],
  ['a bound listener of egress', '  egress: [{ hosts: [./a], bind: 127.0.0.1 }]', ['FL2104 5:28']],
  ['that is not captured', '  egress: [{ hosts: [./a], captureMode: NONE }]', ['FL2104 5:41']],
  ['TLS of ingress', '  ingress: [{ port: { number: 80 }, tls: {} }]', ['FL2104 5:37']],
  ['connections of ingress', '  ingress: [{ port: { number: 80 }, connectionPool: {} }]', ['FL2104 5:37']],
  ['connections of all ingress', '  inboundConnectionPool: {}', ['FL2104 5:3']],
])('%s', (_what, spec, expected) => {
  expect(problemsOf(manifest('Sidecar', spec))).toEqual(expected);
});

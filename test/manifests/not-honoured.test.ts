import { expect, test } from 'vitest';
import { fieldsOf } from './schema-fields.ts';
import { read } from './scope.ts';

/** Fields of Istio's API that are known, and refused by their names. */

const pair = { serverCertificate: '/a.pem', privateKey: '/a.key', caCertificates: '/ca.pem' };
const server = { port: { number: 443, name: 'a', protocol: 'HTTPS' }, hosts: ['a'] };
const ofPort = { context: 'GATEWAY', listener: { portName: 'http' } };
const patch = { applyTo: 'LISTENER', match: ofPort, patch: { operation: 'REMOVE' } };
const route = [{ destination: { host: 'a' } }];
const faulty = (fault: object) => ({ hosts: ['a'], http: [{ fault, route }] });
const policy = (trafficPolicy: object) => ({ host: 'a', trafficPolicy });

const examples: readonly (readonly [string, string, object])[] = [
  [
    'Gateway',
    'servers[].tls.tlsCertificates[].caCertificates',
    { servers: [{ ...server, tls: { mode: 'SIMPLE', tlsCertificates: [pair] } }] },
  ],
  ['EnvoyFilter', 'configPatches[].match.listener.portName', { configPatches: [patch] }],
  ['VirtualService', 'http[].fault.abort.http2Error', faulty({ abort: { http2Error: 'a' } })],
  ['VirtualService', 'http[].fault.delay.exponentialDelay', faulty({ delay: { exponentialDelay: '1s' } })],
  [
    'VirtualService',
    'tcp[].match[].sourceSubnet',
    { hosts: ['a'], tcp: [{ match: [{ sourceSubnet: '10.0.0.0/8' }], route }] },
  ],
  [
    'DestinationRule',
    'trafficPolicy.outlierDetection.consecutiveErrors',
    policy({ outlierDetection: { consecutiveErrors: 5 } }),
  ],
  [
    'DestinationRule',
    'trafficPolicy.loadBalancer.zoneAwareLbSetting',
    policy({ loadBalancer: { zoneAwareLbSetting: { enabled: true } } }),
  ],
];

test.each(examples)('%s: %s', (kind, field, spec) => {
  const apiVersion = `networking.istio.io/${kind === 'EnvoyFilter' ? 'v1alpha3' : 'v1'}`;
  const document = { apiVersion, kind, metadata: { name: 'a', namespace: 'shop' }, spec };
  const { problems, resources } = read({ 'a.yaml': JSON.stringify(document) });
  const refused = problems.filter(({ code }) => code === 'FL2104').map(({ message }) => message);
  expect(refused).toContain(
    `Fairlead knows spec.${field.replaceAll('[]', '[0]')}, but does not honour it yet`,
  );
  expect(resources).toEqual([]);
});

const kinds = ['VirtualService', 'DestinationRule', 'Gateway', 'ServiceEntry', 'WorkloadEntry', 'Sidecar'];

test.each([...kinds, 'ProxyConfig', 'Telemetry', 'EnvoyFilter'])(
  '%s: each of them has its example',
  (kind) => {
    const known = fieldsOf(kind).filter(({ is }) => is === 'not-honoured');
    const shown = examples.filter(([of]) => of === kind).map(([, field]) => field);
    expect(shown.sort()).toEqual(known.map(({ path }) => path).sort());
  },
);

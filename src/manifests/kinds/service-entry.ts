import {
  type ServiceEntryManifest,
  type ServiceEntryPort,
  type ServiceEntrySpec,
  validateServiceEntry,
} from '../../generated/schemas/index.ts';
import { isHostName, isIp, isUnspecified } from '../address.ts';
import type { Finding } from '../finding.ts';
import { defineKind, istioNetworking } from './kind.ts';
import { checkPorts } from './ports.ts';
import { checkNetwork, unspecified } from './workload-entry.ts';

/** Istio ServiceEntry: a service that Kubernetes does not know. */
export const serviceEntry = defineKind({
  name: 'ServiceEntry',
  apiVersions: istioNetworking,
  validate: validateServiceEntry,
  check,
  resource: ({ spec }, about) => ({ ...about, kind: 'ServiceEntry', spec }),
});

function* check({ spec }: ServiceEntryManifest): Generator<Finding> {
  if ((spec.ports ?? []).length === 0)
    yield { code: 'FL2106', message: 'spec.ports is missing', path: ['spec'] };
  const ports = (spec.ports ?? []).map(({ name, number }) => ({ name, number }));
  yield* checkPorts(ports, 'number');
  yield* checkHosts(spec);
  yield* checkAddresses(spec);
  yield* checkResolution(spec);
  yield* checkAsAsked(spec);
  yield* checkEndpoints(spec);
}

function isLookedUp(resolution: ServiceEntrySpec['resolution']): boolean {
  return resolution === 'DNS' || resolution === 'DNS_ROUND_ROBIN';
}

function* checkHosts({ hosts, resolution, endpoints = [] }: ServiceEntrySpec): Generator<Finding> {
  for (const [index, host] of hosts.entries()) {
    const path = ['spec', 'hosts', index];
    if (host === '*') yield { code: 'FL2213', message: 'a service entry cannot stand for every host', path };
    if (hosts.indexOf(host) < index) yield { code: 'FL2212', message: `host ${host} is given twice`, path };
    if (host.startsWith('*.') && isLookedUp(resolution) && endpoints.length === 0) {
      yield { code: 'FL2207', message: `${host} cannot be looked up by DNS`, path };
    }
  }
}

function* checkAddresses({ addresses = [], resolution }: ServiceEntrySpec): Generator<Finding> {
  for (const [index, address] of addresses.entries()) {
    const path = ['spec', 'addresses', index];
    const [ip = '', bits] = address.split('/');
    const most = ip.includes(':') ? 128 : 32;
    if (!isIp(ip) || (bits !== undefined && Number(bits) > most)) {
      yield { code: 'FL2208', message: `${address} is no IP address or range`, path };
    } else if (bits !== undefined && isLookedUp(resolution)) {
      yield {
        code: 'FL2207',
        message: `a range of addresses does not go with resolution ${resolution}`,
        path,
      };
    }
  }
}

function* checkResolution(spec: ServiceEntrySpec): Generator<Finding> {
  const { endpoints = [], resolution = 'NONE', workloadSelector } = spec;
  if (endpoints.length > 0 && workloadSelector !== undefined) {
    yield {
      code: 'FL2206',
      message: 'endpoints and workloadSelector exclude each other',
      path: ['spec', 'workloadSelector'],
      on: 'key',
    };
  }
  if (resolution === 'NONE' && endpoints.length > 0) {
    yield {
      code: 'FL2207',
      message: 'resolution NONE goes to the original destination: it has no endpoints',
      path: ['spec', 'endpoints'],
    };
  }
  if (resolution === 'DNS_ROUND_ROBIN' && endpoints.length > 1) {
    const message = 'DNS_ROUND_ROBIN looks up one name: it has one endpoint at most';
    yield { code: 'FL2207', message, path: ['spec', 'endpoints', 1] };
  }
  if (resolution === 'STATIC' && endpoints.length === 0 && workloadSelector === undefined) {
    yield { code: 'FL2214', message: 'nothing answers for this service', path: ['spec', 'resolution'] };
  }
}

/** Protocols whose clients say by name where they want to go. */
const naming: readonly ServiceEntryPort['protocol'][] = ['HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB', 'HTTPS', 'TLS'];

/** DYNAMIC_DNS goes by what clients ask for, and by nothing else. */
function* checkAsAsked(spec: ServiceEntrySpec): Generator<Finding> {
  if (spec.resolution !== 'DYNAMIC_DNS') return;
  for (const field of ['endpoints', 'workloadSelector'] as const) {
    const message = `DYNAMIC_DNS looks up the name that clients ask for: ${field} would have no effect`;
    if (spec[field] !== undefined) yield { code: 'FL2207', message, path: ['spec', field], on: 'key' };
  }
  for (const [index, { protocol, targetPort }] of (spec.ports ?? []).entries()) {
    const path = ['spec', 'ports', index];
    if (!naming.includes(protocol)) {
      const message = `clients of ${protocol ?? 'a port without a protocol'} ask for no name`;
      const fix = 'write protocol HTTP, HTTP2, GRPC, HTTPS or TLS, or another resolution';
      yield { code: 'FL2207', message, path: protocol === undefined ? path : [...path, 'protocol'], fix };
    }
    const message = 'DYNAMIC_DNS goes to the port that clients ask for';
    if (targetPort !== undefined) {
      yield { code: 'FL2207', message, path: [...path, 'targetPort'], fix: 'leave out targetPort' };
    }
  }
}

function* checkEndpoints({ endpoints = [], ports = [], resolution }: ServiceEntrySpec): Generator<Finding> {
  const names = new Set(ports.map(({ name }) => name));
  for (const [index, endpoint] of endpoints.entries()) {
    const { address, ports: own = {} } = endpoint;
    const path = ['spec', 'endpoints', index];
    yield* checkNetwork(endpoint, path);
    if (address === undefined) yield { code: 'FL2106', message: 'the endpoint has no address', path };
    else if (!isIp(address) && !(isLookedUp(resolution) && isHostName(address))) {
      yield { code: 'FL2208', message: `${address} cannot be an address here`, path: [...path, 'address'] };
    }
    if (address !== undefined && isUnspecified(address)) yield unspecified(address, [...path, 'address']);
    for (const name of Object.keys(own)) {
      if (names.has(name)) continue;
      yield {
        code: 'FL2209',
        message: `the service entry has no port ${name}`,
        path: [...path, 'ports', name],
        on: 'key',
      };
    }
  }
}

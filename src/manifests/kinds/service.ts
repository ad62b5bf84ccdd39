import { type ServiceManifest, validateService } from '../../generated/schemas/index.ts';
import { isHostName, isIp } from '../address.ts';
import type { Finding } from '../finding.ts';
import type { WrittenService } from '../types.ts';
import { defineKind } from './kind.ts';
import { checkPorts, checkTransport, isSeen } from './ports.ts';

/** Kubernetes Service. */
export const service = defineKind({
  name: 'Service',
  apiVersions: ['v1'],
  validate: validateService,
  check,
  resource: ({ metadata, spec }, about) => ({
    ...about,
    kind: 'Service',
    spec: { ...spec, ...annotated(metadata), ports: (spec.ports ?? []).filter(isSeen) },
  }),
});

type Annotated = Pick<WrittenService, 'exportTo' | 'trafficDistribution'>;

/** What Istio has a Service say in annotations. */
function annotated({ annotations = {} }: ServiceManifest['metadata']): Annotated {
  const exportTo = annotations['networking.istio.io/exportTo'];
  const trafficDistribution = annotations['networking.istio.io/traffic-distribution'];
  return {
    ...(exportTo === undefined ? {} : { exportTo: exportTo.split(',').map((name) => name.trim()) }),
    ...(trafficDistribution === undefined ? {} : { trafficDistribution }),
  };
}

function* check({ metadata, spec }: ServiceManifest): Generator<Finding> {
  if (!/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(metadata.name)) {
    const message = `${metadata.name} cannot be the name of a Service: it becomes a DNS label`;
    const fix = 'write lower-case letters, digits and dashes, at most 63, with a letter first';
    yield { code: 'FL2109', message, path: ['metadata', 'name'], fix };
  }
  const ports = spec.ports ?? [];
  yield* checkExternal(spec);
  const mayHaveNone = spec.clusterIP === 'None' || spec.type === 'ExternalName';
  if (ports.length === 0 && !mayHaveNone) {
    yield { code: 'FL2106', message: 'spec.ports is missing', path: ['spec'] };
  }
  const numbered = ports.map(({ port: number, name, protocol }) => ({
    number,
    ...(name === undefined ? {} : { name }),
    ...(protocol === undefined ? {} : { protocol }),
  }));
  yield* checkPorts(numbered, 'port');
  yield* checkTransport(ports, ['spec', 'ports']);
  yield* checkAffinity(spec);
  yield* checkAddresses(spec);
}

/** Kubernetes' own, which stands in every Service that is read from a cluster. */
const usualTimeout = 10_800;

/** Envoy chooses by a hash, which has no end. */
function* checkAffinity({ sessionAffinityConfig: config }: ServiceManifest['spec']): Generator<Finding> {
  const { timeoutSeconds = usualTimeout } = config?.clientIP ?? {};
  if (timeoutSeconds === usualTimeout) return;
  const message = 'clients stay with their endpoint as long as it is there: timeoutSeconds does nothing here';
  const path = ['spec', 'sessionAffinityConfig', 'clientIP', 'timeoutSeconds'];
  yield { code: 'FL2280', message, path, on: 'key', fix: 'leave it out, or be content with longer sessions' };
}

/** The name of another host is all that an external Service has. */
function* checkExternal({ type, externalName, ports = [] }: ServiceManifest['spec']): Generator<Finding> {
  const path = ['spec', 'externalName'];
  if (type !== 'ExternalName') {
    const message = 'externalName is for the type ExternalName';
    if (externalName !== undefined) yield { code: 'FL2244', message, path, on: 'key' };
  } else if (externalName === undefined) {
    yield { code: 'FL2106', message: 'spec.externalName is missing', path: ['spec'] };
  } else if (!isHostName(externalName) && !isIp(externalName)) {
    const fix = 'write the name of the host';
    yield { code: 'FL2208', message: `${externalName} is no host name`, path, fix };
  } else if (ports.length === 0) {
    yield { code: 'FL2244', message: 'a Service without ports is not called by its name', path };
  }
}

/** Clients ask for a Service by its addresses, too: what is none could be somebody's host. */
function* checkAddresses({ clusterIP, clusterIPs = [] }: ServiceManifest['spec']): Generator<Finding> {
  const first = clusterIP === undefined ? [] : [{ address: clusterIP, path: ['spec', 'clusterIP'] }];
  const all = clusterIPs.map((address, index) => ({ address, path: ['spec', 'clusterIPs', index] }));
  for (const { address, path } of [...first, ...all]) {
    if (address === '' || address === 'None' || isIp(address)) continue;
    yield {
      code: 'FL2208',
      message: `${address} is no IP address`,
      path,
      fix: 'write an IP address, or None',
    };
  }
  if (clusterIP === undefined || clusterIPs.length === 0 || clusterIP === clusterIPs[0]) return;
  const message = `clusterIP is ${clusterIP}, but the first of clusterIPs ${clusterIPs[0]}`;
  yield {
    code: 'FL2212',
    message,
    path: ['spec', 'clusterIPs', 0],
    fix: 'write the same address, or leave one out',
  };
}

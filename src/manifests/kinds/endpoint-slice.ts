import { type EndpointSliceManifest, validateEndpointSlice } from '../../generated/schemas/index.ts';
import { familyOf, isReachable } from '../address.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { defineKind } from './kind.ts';
import { checkTransport } from './ports.ts';

/** The label by which a slice says whose endpoints it holds. */
export const serviceLabel = 'kubernetes.io/service-name';

/** Kubernetes EndpointSlice: some of the endpoints of a Service. It has no `spec`; what matters stands at its top. */
export const endpointSlice = defineKind({
  name: 'EndpointSlice',
  apiVersions: ['discovery.k8s.io/v1'],
  validate: validateEndpointSlice,
  check,
  resource: ({ addressType, endpoints = [], ports }, about) => ({
    ...about,
    kind: 'EndpointSlice',
    spec: { addressType, endpoints, ports: ports ?? [] },
  }),
});

function* check({ metadata, addressType, endpoints, ports }: EndpointSliceManifest): Generator<Finding> {
  if (!metadata.labels?.[serviceLabel]) {
    yield { code: 'FL2245', message: `the label ${serviceLabel} is missing`, path: ['metadata'] };
  }
  for (const [index, { addresses }] of (endpoints ?? []).entries()) {
    yield* checkAddresses(addresses, addressType, ['endpoints', index, 'addresses']);
  }
  yield* checkTransport(ports ?? [], ['ports']);
  const seen = new Set<string>();
  for (const [index, { name = '' }] of (ports ?? []).entries()) {
    const message = name === '' ? 'two ports have no name' : `port name ${name} is given twice`;
    if (seen.has(name)) yield { code: 'FL2204', message, path: ['ports', index, 'name'] };
    seen.add(name);
  }
}

function* checkAddresses(addresses: readonly string[], family: string, path: Path): Generator<Finding> {
  for (const [index, address] of addresses.entries()) {
    const at = [...path, index];
    if (index > 0) {
      const message = 'what the further addresses of an endpoint mean is not defined';
      yield { code: 'FL2104', message, path: at, fix: 'give each address an endpoint of its own' };
    } else if (familyOf(address) !== family) {
      const message = `${address} is no ${family} address`;
      yield { code: 'FL2208', message, path: at, fix: `write an ${family} address` };
    } else if (!isReachable(address)) {
      yield { code: 'FL2246', message: `${address} means another machine to each client`, path: at };
    }
  }
}

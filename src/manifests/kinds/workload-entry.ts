import { validateWorkloadEntry, type WorkloadEntryManifest } from '../../generated/schemas/index.ts';
import { isHostName, isIp, isUnspecified } from '../address.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { defineKind, istioNetworking } from './kind.ts';

/** Istio WorkloadEntry: one workload outside Kubernetes. */
export const workloadEntry = defineKind({
  name: 'WorkloadEntry',
  apiVersions: istioNetworking,
  validate: validateWorkloadEntry,
  check,
  resource: ({ spec }, about) => ({ ...about, kind: 'WorkloadEntry', spec }),
});

function* check({ spec }: WorkloadEntryManifest): Generator<Finding> {
  yield* checkNetwork(spec, ['spec']);
  const path = ['spec', 'address'];
  if (isUnspecified(spec.address)) yield unspecified(spec.address, path);
  if (isIp(spec.address) || isHostName(spec.address)) return;
  yield { code: 'FL2208', message: `${spec.address} is no address`, path };
}

/** Without gateways between networks, a workload is called at its own address (Istio). */
export function* checkNetwork({ network }: { readonly network?: string }, path: Path): Generator<Finding> {
  if (network === undefined) return;
  const message = `no gateway leads to the network ${network}: the workload is called at its own address`;
  const fix = 'nothing, if its address can be reached from everywhere';
  yield { code: 'FL2280', message, path: [...path, 'network'], on: 'key', fix };
}

/** Each client would connect to itself. */
export function unspecified(address: string, path: Path): Finding {
  const fix = 'write the address of the workload';
  return { code: 'FL2246', message: `${address} is the address of no machine`, path, fix };
}

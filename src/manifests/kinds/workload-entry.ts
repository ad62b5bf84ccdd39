import { validateWorkloadEntry, type WorkloadEntryManifest } from '../../generated/schemas/index.ts';
import { isHostName, isIp } from '../address.ts';
import type { Finding } from '../finding.ts';
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
  if (isIp(spec.address) || isHostName(spec.address)) return;
  yield { code: 'FL2208', message: `${spec.address} is no address`, path: ['spec', 'address'] };
}

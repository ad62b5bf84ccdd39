import { type PodManifest, validatePod } from '../../generated/schemas/index.ts';
import { isIp } from '../address.ts';
import type { Finding } from '../finding.ts';
import type { WrittenPod } from '../types.ts';
import { defineKind } from './kind.ts';

/** Kubernetes Pod: a workload, once it has an address. */
export const pod = defineKind({
  name: 'Pod',
  apiVersions: ['v1'],
  validate: validatePod,
  check,
  resource: (manifest, about) => ({ ...about, kind: 'Pod', spec: written(manifest) }),
});

function* check({ status }: PodManifest): Generator<Finding> {
  for (const address of addressesOf(status)) {
    if (!isIp(address)) yield { code: 'FL2208', message: `${address} is no IP address`, path: ['status'] };
  }
}

function written({ spec = {}, status = {} }: PodManifest): WrittenPod {
  const ports = (spec.containers ?? []).flatMap((container) => container.ports ?? []);
  const hasEnded = status.phase === 'Succeeded' || status.phase === 'Failed';
  const ready = (status.conditions ?? []).find(({ type }) => type === 'Ready');
  return {
    node: spec.nodeName ?? null,
    addresses: hasEnded ? [] : addressesOf(status),
    isReady: ready === undefined || ready.status === 'True',
    ports: Object.fromEntries(
      ports.flatMap(({ name, containerPort }) => (name === undefined ? [] : [[name, containerPort]])),
    ),
  };
}

function addressesOf({ podIP, podIPs = [] }: NonNullable<PodManifest['status']> = {}): readonly string[] {
  const all = [podIP, ...podIPs.map(({ ip }) => ip)].filter((address) => address !== undefined);
  return [...new Set(all)];
}

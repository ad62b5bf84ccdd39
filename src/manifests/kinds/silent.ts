import {
  type ProxyConfigManifest,
  validateNamespace,
  validateNode,
  validateProxyConfig,
  validateServiceAccount,
  validateWorkloadGroup,
} from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import { defineKind, istioNetworking } from './kind.ts';

/** Kubernetes Node: where its Pods are. */
export const node = defineKind({
  name: 'Node',
  isClusterWide: true,
  apiVersions: ['v1'],
  validate: validateNode,
  check: () => [],
  resource: (_, about) => ({ ...about, kind: 'Node', spec: null }),
});

/** Kubernetes Namespace: read, because it stands beside the others; it says nothing to proxies. */
export const namespace = defineKind({
  name: 'Namespace',
  apiVersions: ['v1'],
  validate: validateNamespace,
  check: () => [],
  resource: (_, about) => ({ ...about, kind: 'Namespace', spec: null }),
});

/** Kubernetes ServiceAccount, likewise. */
export const serviceAccount = defineKind({
  name: 'ServiceAccount',
  apiVersions: ['v1'],
  validate: validateServiceAccount,
  check: () => [],
  resource: (_, about) => ({ ...about, kind: 'ServiceAccount', spec: null }),
});

/** Istio WorkloadGroup: a template for workloads that register themselves, which none does here. */
export const workloadGroup = defineKind({
  name: 'WorkloadGroup',
  apiVersions: istioNetworking,
  validate: validateWorkloadGroup,
  check: () => notOurs('no workload registers itself here'),
  resource: (_, about) => ({ ...about, kind: 'WorkloadGroup', spec: null }),
});

/** How else each setting of a ProxyConfig reaches a proxy, none of which is part of its configuration. */
const started = {
  concurrency: 'start the proxy with envoy --concurrency',
  environmentVariables: 'start the proxy in that environment',
  image: 'start the proxy of that image',
} as const;

/** Istio ProxyConfig: how proxies are started. Fairlead starts none, and its bootstrap has no such settings. */
export const proxyConfig = defineKind({
  name: 'ProxyConfig',
  apiVersions: ['v1beta1', 'v1alpha1'].map((version) => `networking.istio.io/${version}`),
  validate: validateProxyConfig,
  *check({ spec = {} }: ProxyConfigManifest): Generator<Finding> {
    for (const field of Object.keys(started) as (keyof typeof started)[]) {
      if (spec[field] === undefined) continue;
      const message = `${field} does nothing here: whoever starts a proxy says it`;
      yield { code: 'FL2280', message, path: ['spec', field], on: 'key', fix: started[field] };
    }
  },
  resource: ({ spec: { selector = {} } = {} }, about) => ({
    ...about,
    kind: 'ProxyConfig',
    spec: { selector },
  }),
});

function* notOurs(message: string): Generator<Finding> {
  yield { code: 'FL2280', message, path: ['spec'], on: 'key' };
}

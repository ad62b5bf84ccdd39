import {
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

/** Istio ProxyConfig: how proxies are started. */
export const proxyConfig = defineKind({
  name: 'ProxyConfig',
  apiVersions: ['v1beta1', 'v1alpha1'].map((version) => `networking.istio.io/${version}`),
  validate: validateProxyConfig,
  check: () => notOurs('whoever starts a proxy says its concurrency, environment and image'),
  resource: (_, about) => ({ ...about, kind: 'ProxyConfig', spec: null }),
});

function* notOurs(message: string): Generator<Finding> {
  yield { code: 'FL2280', message, path: ['spec'], on: 'key' };
}

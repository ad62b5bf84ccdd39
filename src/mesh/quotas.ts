import { durationMs, type RateLimitResource } from '../manifests/index.ts';
import { originOf } from './mistake.ts';
import type { Mesh, Origin, TextMatch } from './types.ts';
import { hasLabels } from './workloads.ts';

type Labels = Readonly<Record<string, string>>;

/** So many requests of some kind, of which `requests` come back in each `perMs`; never more than `burst` at once. */
export type QuotaRule = {
  /** All of these; none: every request. `value` null: the header is there. */
  readonly headers: readonly { readonly name: string; readonly value: TextMatch | null }[];
  /** Any of these; none: all. */
  readonly methods: readonly string[];
  readonly requests: number;
  readonly perMs: number;
  readonly burst: number;
};

/** How many requests each proxy of some workloads lets in. */
export type Quota = {
  /** `namespace/name`. */
  readonly id: string;
  readonly namespace: string;
  /** Labels of the workloads; null: all of the namespace. */
  readonly selector: Labels | null;
  readonly rules: readonly QuotaRule[];
  /** Of the answer to what is too much. */
  readonly status: number;
  readonly responseHeaders: readonly { readonly name: string; readonly value: string }[];
  readonly origin: Origin;
};

export function readQuota(resource: RateLimitResource): Quota {
  const { namespace, name, spec } = resource;
  const labels = spec.selector?.matchLabels ?? {};
  return {
    id: `${namespace}/${name}`,
    namespace,
    selector: Object.keys(labels).length === 0 ? null : labels,
    rules: spec.rules.map(({ match = {}, requests, per, burst = requests }) => {
      const { path, methods = [], headers = [] } = match;
      const paths =
        path === undefined ? [] : [{ name: ':path', value: { how: 'prefix', text: path } as const }];
      return {
        headers: [...paths, ...headers.map(readHeader)],
        methods,
        requests,
        perMs: durationMs(per),
        burst,
      };
    }),
    status: spec.status ?? 429,
    responseHeaders: Object.entries(spec.responseHeaders ?? {}).map(([key, value]) => ({ name: key, value })),
    origin: originOf(resource),
  };
}

type WrittenHeader = { readonly name: string; readonly exact?: string; readonly prefix?: string };

function readHeader({ name, exact, prefix }: WrittenHeader): QuotaRule['headers'][number] {
  const value: TextMatch | null =
    exact !== undefined
      ? { how: 'exact', text: exact }
      : prefix === undefined
        ? null
        : { how: 'prefix', text: prefix };
  return { name: name.toLowerCase(), value };
}

/** Those of a workload, each of which counts by itself. */
export function quotasOf({ quotas }: Mesh, namespace: string, labels: Labels): readonly Quota[] {
  return quotas.filter((quota) => {
    return quota.namespace === namespace && (quota.selector === null || hasLabels(labels, quota.selector));
  });
}

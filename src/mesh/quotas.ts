import type { Problem } from '../base/problem.ts';
import { durationMs, type RateLimitResource } from '../manifests/index.ts';
import { mistake, originOf } from './mistake.ts';
import { createNeighbours } from './neighbours.ts';
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

/**
 * As each virtual host of a gateway has them, so that a small manifest is a large configuration: some 300 rules with a path.
 * In characters of the rules as they are written, and so many for each.
 */
const [mostPerWorkload, eachRule] = [32 * 1024, 64];

/** Those of a scope, but for those that are too much for one workload, with all others that it may have. */
export function readQuotas(resources: readonly RateLimitResource[], problems: Problem[]): readonly Quota[] {
  const all = resources.map((resource) => {
    const { rules } = resource.spec;
    const weight = rules.reduce((sum, { match = {} }) => sum + eachRule + JSON.stringify(match).length, 0);
    const quota = readQuota(resource);
    const { namespace, selector } = quota;
    return { resource, weight, quota, namespace, selector };
  });
  const whole = all.reduce((sum, { weight }) => sum + weight, 0);
  if (whole <= mostPerWorkload) return all.map(({ quota }) => quota);
  const told = new Set<string>();
  const neighbours = createNeighbours(all);
  return all.flatMap((one) => {
    const { resource, quota } = one;
    if (!isTooMuch(neighbours(one))) return [quota];
    if (told.has(quota.namespace)) return [];
    // One problem for all that say the same.
    told.add(quota.namespace);
    const weight = neighbours(one).reduce((sum, other) => sum + other.weight, 0);
    const message = `with the other RateLimits that a workload may have, the rules come to ${weight} characters; ${mostPerWorkload} is the most`;
    problems.push(mistake(resource, ['spec', 'rules'], 'FL3363', message));
    return [];
  });
}

/** Not all of them are looked at where it is. */
function isTooMuch(beside: Iterable<{ readonly weight: number }>): boolean {
  let sum = 0;
  for (const { weight } of beside) {
    sum += weight;
    if (sum > mostPerWorkload) return true;
  }
  return false;
}

function readQuota(resource: RateLimitResource): Quota {
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

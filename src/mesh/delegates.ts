import type { Problem } from '../base/problem.ts';
import type { HttpRoute, Resource, VirtualServiceResource } from '../manifests/index.ts';
import { visibilityOf } from './claim.ts';
import { resolveHost } from './hosts.ts';
import { mergeMatches } from './merge-matches.ts';
import { mistake, originOf } from './mistake.ts';
import { isVisible } from './ownership.ts';
import { readMatch } from './routing-match.ts';
import { readRule } from './routing-rule.ts';
import type { Owner, Rule } from './types.ts';

/** VirtualServices without hosts of one scope, by namespace and name: others hand steps on to them. */
export type Delegates = ReadonlyMap<string, VirtualServiceResource>;

export function delegatesAmong(resources: readonly Resource[]): Delegates {
  const found = resources.filter((resource) => resource.kind === 'VirtualService').filter(isDelegate);
  return new Map(found.map((resource) => [`${resource.namespace}/${resource.name}`, resource]));
}

export function isDelegate({ spec }: VirtualServiceResource): boolean {
  return (spec.hosts ?? []).length === 0;
}

/** Those that nothing is handed on to. */
export function idleDelegates(
  delegates: Delegates,
  used: ReadonlySet<VirtualServiceResource>,
): readonly Problem[] {
  const idle = [...delegates.values()].filter((delegate) => !used.has(delegate));
  return idle.map((delegate) => {
    const message = 'no VirtualService hands requests on to this one, which has no hosts';
    return mistake(delegate, ['spec'], 'FL3341', message);
  });
}

/** What one step comes to: itself, or the steps of its delegate. */
export type Handed = {
  readonly rules: readonly Rule[];
  readonly delegate: VirtualServiceResource | null;
  readonly problems: readonly Problem[];
};

/**
 * The rules of step `at` of a VirtualService. Of a delegate of the same scope its rules come in place of the step (Istio): each
 * for what both match, and with what the step says and the rule does not. Without the delegate, requests are answered 503.
 */
export function readStep(
  root: VirtualServiceResource,
  at: number,
  step: HttpRoute,
  delegates: Delegates,
  owners: readonly Owner[],
): Handed {
  const { namespace } = root;
  const own = () => readRule(step, namespace, originOf(root));
  if (step.delegate === undefined) return { rules: [own()], delegate: null, problems: [] };
  const key = `${step.delegate.namespace ?? namespace}/${step.delegate.name}`;
  const delegate = delegates.get(key);
  const isSeen = delegate !== undefined && isVisible({ owners }, visibilityOf(delegate, owners), namespace);
  if (!isSeen) {
    const why =
      delegate === undefined
        ? `${root.source.scope} has no VirtualService ${key} without hosts`
        : `${key} is not exported to ${namespace}`;
    const message = `${why}: its requests are answered 503`;
    const problem = mistake(root, ['spec', 'http', at, 'delegate'], 'FL3340', message);
    return { rules: [{ ...own(), action: unavailable }], delegate: null, problems: [problem] };
  }
  const outer = (step.match ?? []).map((match) => readMatch(match, namespace));
  const problems: Problem[] = [];
  const rules = (delegate.spec.http ?? []).flatMap((inner, index): readonly Rule[] => {
    const rule = readRule(merged(step, inner, namespace), delegate.namespace, originOf(delegate));
    const matches = mergeMatches(outer, rule.matches);
    if (matches !== null) return [{ ...rule, matches }];
    const message = `no request fits both this and the match of ${root.namespace}/${root.name}`;
    problems.push(mistake(delegate, ['spec', 'http', index], 'FL3342', message));
    return [];
  });
  return { rules, delegate, problems };
}

const unavailable = { does: 'respond', status: 503, body: null } as const;

/** What the delegate's step says, and beside it what only the other one says, with the hosts of its namespace. */
function merged(outer: HttpRoute, inner: HttpRoute, namespace: string): HttpRoute {
  const { match: _match, delegate: _delegate, ...own } = outer;
  const inherited = {
    ...own,
    ...(own.mirror === undefined ? {} : { mirror: inFull(own.mirror, namespace) }),
    ...(own.mirrors === undefined
      ? {}
      : {
          mirrors: own.mirrors.map((each) => ({ ...each, destination: inFull(each.destination, namespace) })),
        }),
  };
  const name = [outer.name, inner.name].filter((each) => each !== undefined).join('-');
  return { ...inherited, ...inner, ...(name === '' ? {} : { name }) };
}

function inFull<D extends { readonly host: string }>(destination: D, namespace: string): D {
  return { ...destination, host: resolveHost(destination.host, namespace) };
}

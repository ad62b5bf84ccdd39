import type { Problem } from '../base/problem.ts';
import type { HttpRoute, Resource, VirtualServiceResource } from '../manifests/index.ts';
import { visibilityOf } from './claim.ts';
import { resolveHost } from './hosts.ts';
import { mergeMatches } from './merge-matches.ts';
import { lacks, mistake, originOf } from './mistake.ts';
import { isVisible, ownerOfNamespace } from './ownership.ts';
import { readMatch } from './routing-match.ts';
import { readRule } from './routing-rule.ts';
import { writtenAt } from './rule-places.ts';
import type { Match, Owner, Rule } from './types.ts';

/** VirtualServices without hosts, by namespace and name: others hand steps on to them. */
export type Delegates = ReadonlyMap<string, VirtualServiceResource>;

/** Those of the scope itself, and those of others, of which `asked` remembers what was looked up. */
export type DelegatesAround = {
  readonly own: Delegates;
  readonly others: Delegates;
  readonly asked: Map<string, VirtualServiceResource | null>;
};

export function delegatesAmong(resources: readonly Resource[]): Delegates {
  const found = resources.filter((resource) => resource.kind === 'VirtualService').filter(isDelegate);
  return new Map(found.map((resource) => [`${resource.namespace}/${resource.name}`, resource]));
}

export function isDelegate({ spec }: VirtualServiceResource): boolean {
  return (spec.hosts ?? []).length === 0;
}

export function idle(delegate: VirtualServiceResource): Problem {
  const message = 'no VirtualService hands requests on to this one, which has no hosts';
  return mistake(delegate, ['spec'], 'FL3341', message);
}

/** What one step comes to: itself, or the steps of its delegate. */
export type Handed = {
  readonly rules: readonly Rule[];
  readonly delegate: VirtualServiceResource | null;
  readonly problems: readonly Problem[];
};

/** More matches than this nobody's delegate of another scope may make of one step. */
const maxMatches = 1000;

/**
 * The rules of step `at` of a VirtualService. Of a delegate its rules come in place of the step (Istio): each
 * for what both match, and with what the step says and the rule does not. Without the delegate, requests are answered 503.
 * What is wrong with one of another scope is a warning at the step: nobody else's mistake is an error of this scope.
 */
export function readStep(
  root: VirtualServiceResource,
  at: number,
  step: HttpRoute,
  around: DelegatesAround,
  owners: readonly Owner[],
): Handed {
  const { namespace } = root;
  const path = ['spec', 'http', at];
  const own = () => writtenAt(readRule(step, namespace, originOf(root)), root, path);
  if (step.delegate === undefined) return { rules: [own()], delegate: null, problems: [] };
  const found = find(root, step.delegate, around, owners);
  const refuse = ({ code, message }: Refused, delegate: Handed['delegate'] = null): Handed => {
    const text = `${message}: its requests are answered 503`;
    const problem = mistake(root, ['spec', 'http', at, 'delegate'], code, text);
    const told = lacks({ namespace: step.delegate?.namespace ?? namespace }, problem);
    const rule = writtenAt({ ...own(), action: { ...unavailable } }, root, path);
    return { rules: [rule], delegate, problems: [told] };
  };
  if ('code' in found) return refuse(found);
  const { delegate, isForeign } = found;
  const outer = (step.match ?? []).map((match) => readMatch(match, namespace));
  const merged = (delegate.spec.http ?? []).map((inner, index) => {
    const rule = rulesOf(root, step, outer, delegate, inner);
    return rule && writtenAt(rule, delegate, ['spec', 'http', index]);
  });
  const unfit = [...merged.keys()].filter((index) => merged[index] === null);
  const rules = merged.filter((rule) => rule !== null);
  if (!isForeign)
    return { rules, delegate, problems: unfit.map((index) => unfitting(root, delegate, index)) };
  const count = rules.reduce((sum, { matches }) => sum + Math.max(matches.length, 1), 0);
  const name = `${delegate.namespace}/${delegate.name}`;
  if (count > maxMatches) {
    return refuse(
      { code: 'FL3343', message: `${name} makes more than ${maxMatches} matches of it` },
      delegate,
    );
  }
  // Whether the step is there at all does not depend on another scope's words.
  if (count === 0) return refuse({ code: 'FL3343', message: `${name} says nothing of them` }, delegate);
  const left = `no request fits both this and spec.http[${unfit.join('], spec.http[')}] of ${name}`;
  const problems =
    unfit.length === 0 ? [] : [mistake(root, ['spec', 'http', at, 'delegate'], 'FL3343', left)];
  return { rules: rules.map((rule) => ({ ...rule, handed: outer })), delegate, problems };
}

type Refused = { readonly code: 'FL3340' | 'FL3343'; readonly message: string };
type Found = { readonly delegate: VirtualServiceResource; readonly isForeign: boolean } | Refused;

/** One of the scope itself, or one that another scope exports to the namespace of the root. */
function find(
  root: VirtualServiceResource,
  { name, namespace = root.namespace }: NonNullable<HttpRoute['delegate']>,
  { own, others, asked }: DelegatesAround,
  owners: readonly Owner[],
): Found {
  const key = `${namespace}/${name}`;
  const owner = ownerOfNamespace(owners, namespace);
  const isForeign = owner !== null && owner.uid !== root.source.uid;
  const delegate = (isForeign ? others : own).get(key);
  if (isForeign) asked.set(key, delegate ?? null);
  const code = isForeign ? 'FL3343' : 'FL3340';
  if (delegate === undefined) {
    const scope = isForeign ? owner.path : root.source.scope;
    return { code, message: `${scope} has no VirtualService ${key} without hosts` };
  }
  if (isVisible({ owners }, visibilityOf(delegate, owners), root.namespace)) return { delegate, isForeign };
  return { code, message: `${key} is not exported to ${root.namespace}` };
}

/** A rule of the delegate within the step; null where no request fits both. */
function rulesOf(
  { namespace }: VirtualServiceResource,
  step: HttpRoute,
  outer: readonly Match[],
  delegate: VirtualServiceResource,
  inner: HttpRoute,
): Rule | null {
  const rule = readRule(merged(step, inner, namespace), delegate.namespace, originOf(delegate));
  const matches = mergeMatches(outer, rule.matches);
  return matches === null ? null : { ...rule, matches };
}

function unfitting(root: VirtualServiceResource, delegate: VirtualServiceResource, index: number): Problem {
  const message = `no request fits both this and the match of ${root.namespace}/${root.name}`;
  return mistake(delegate, ['spec', 'http', index], 'FL3342', message);
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

import { byCodeUnit } from '../base/order.ts';
import { areHonoured } from '../manifests/index.ts';
import { isServed, type Listener } from './api-gateways.ts';
import type { Attachment, Parent } from './attach.ts';
import type { JoinedGateways } from './gateways.ts';
import type { RouteResource } from './route-rules.ts';
import type { Share } from './share.ts';

/** A condition as Kubernetes writes them, without a time. */
type ApiCondition = {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
};

type About = { readonly namespace: string; readonly name: string; readonly uid: string };

/** Of a listener (Gateway API, ListenerStatus). */
type ListenerStatus = {
  readonly name: string;
  /** How many routes are in force at it. */
  readonly attachedRoutes: number;
  readonly supportedKinds: readonly string[];
  readonly conditions: readonly ApiCondition[];
};

/** Of one parent of a route (Gateway API, RouteParentStatus). */
type ParentStatus = {
  readonly parentRef: {
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly sectionName?: string;
    readonly port?: number;
  };
  readonly conditions: readonly ApiCondition[];
};

/** What Kubernetes is to be told of a resource of the Gateway API; `uid` is that of its scope. */
export type ApiStatus =
  | (About & {
      readonly kind: 'Gateway';
      readonly conditions: readonly ApiCondition[];
      readonly listeners: readonly ListenerStatus[];
    })
  | (About & { readonly kind: 'HTTPRoute' | 'GRPCRoute'; readonly parents: readonly ParentStatus[] });

/** Of all that are ours, in order. */
export function statusesOf(shares: readonly Share[], gateways: JoinedGateways): readonly ApiStatus[] {
  const attached = new Map<string, Set<RouteResource>>();
  for (const { attachments } of shares) {
    for (const { entrance, resource } of attachments) {
      attached.set(entrance, (attached.get(entrance) ?? new Set()).add(resource));
    }
  }
  // Of many scopes mostly few have any.
  const speaking = shares.filter(
    ({ part, attached }) => part.gateways.listeners.length > 0 || attached.value.parents.length > 0,
  );
  const found = speaking.flatMap((share): readonly ApiStatus[] => {
    const listeners = Map.groupBy(share.part.gateways.listeners, ({ gateway }) => gateway);
    return [
      ...[...listeners.values()].map((own) => gatewayStatus(own, gateways, attached)),
      ...routeStatuses(share),
    ];
  });
  const key = ({ kind, namespace, name }: ApiStatus) => `${kind} ${namespace}/${name}`;
  return found.toSorted((left, right) => byCodeUnit(key(left), key(right)));
}

type Attached = ReadonlyMap<string, ReadonlySet<RouteResource>>;

function gatewayStatus(own: readonly Listener[], { refused }: JoinedGateways, attached: Attached): ApiStatus {
  const [first] = own;
  const [namespace = '', name = ''] = first?.gateway.split('/') ?? [];
  const good = own.filter(({ id }) => !refused.has(id));
  const isWhole = good.length === own.length;
  const flaw = first?.flaw?.of === 'gateway' ? first.flaw : null;
  const message = isWhole
    ? 'every listener is in force'
    : (flaw?.message ?? `${good.length} of ${own.length} listeners are in force`);
  const reason = isWhole ? 'Accepted' : (flaw?.accepted ?? 'ListenersNotValid');
  return {
    kind: 'Gateway',
    namespace,
    name,
    uid: first?.uid ?? '',
    conditions: [
      condition('Accepted', good.length > 0, reason, message),
      condition('Programmed', good.length > 0, good.length > 0 ? 'Programmed' : 'Invalid', message),
    ],
    listeners: own.map((listener) => listenerStatus(listener, own, refused, attached)),
  };
}

function listenerStatus(
  listener: Listener,
  beside: readonly Listener[],
  refused: ReadonlySet<string>,
  attached: Attached,
): ListenerStatus {
  const { name, id, flaw } = listener;
  const isGood = !refused.has(id);
  const isConflicted = !isGood && isServed(listener);
  const message = isConflicted
    ? 'another listener contradicts it: neither is in force'
    : (flaw?.message ?? 'the listener is in force');
  const conflict = isConflicted ? conflictOf(listener, beside) : null;
  const unaccepted = conflict ?? (flaw?.of === 'listener' ? flaw.accepted : undefined);
  return {
    name,
    attachedRoutes: attached.get(id)?.size ?? 0,
    supportedKinds: listener.kinds,
    conditions: [
      condition('Accepted', unaccepted === undefined, unaccepted ?? 'Accepted', message),
      condition('Conflicted', isConflicted, conflict ?? 'NoConflicts', message),
      resolvedSecrets(flaw),
      condition('Programmed', isGood, isGood ? 'Programmed' : 'Invalid', message),
    ],
  };
}

function conflictOf({ id, port, host }: Listener, beside: readonly Listener[]): string {
  const isSame = beside.some((other) => {
    return other.id !== id && isServed(other) && other.port === port && other.host === host;
  });
  return isSame ? 'HostnameConflict' : 'ProtocolConflict';
}

function resolvedSecrets(flaw: Listener['flaw']): ApiCondition {
  if (flaw?.resolved !== undefined) return condition('ResolvedRefs', false, flaw.resolved, flaw.message);
  return condition('ResolvedRefs', true, 'ResolvedRefs', 'secrets are found on the machine of the proxy');
}

/** Of parents that are ours: what others serve, they tell. */
function routeStatuses({ attached, attachments, routed }: Share): readonly ApiStatus[] {
  const ours = attached.value.parents.filter(({ reason }) => reason !== 'Foreign');
  const inForce = new Set(attachments.map(parentKey));
  return [...Map.groupBy(ours, ({ resource }) => resource)].map(([resource, parents]): ApiStatus => {
    const { kind, namespace, name, source } = resource;
    const refs = resolvedRefs(routed.value.dangling.get(resource));
    return {
      kind,
      namespace,
      name,
      uid: source.uid,
      parents: parents.map((parent) => parentStatus(parent, inForce, refs)),
    };
  });
}

function parentKey({ resource, path }: Pick<Attachment, 'resource' | 'path'>): string {
  return `${resource.kind} ${resource.namespace}/${resource.name} ${path.join('.')}`;
}

function parentStatus(parent: Parent, inForce: ReadonlySet<string>, refs: ApiCondition | null): ParentStatus {
  const { resource, index, reason, message } = parent;
  const { kind = 'Gateway', namespace = resource.namespace, name, sectionName, port } = refOf(parent);
  const isIn = inForce.has(parentKey({ resource, path: ['spec', 'parentRefs', index] }));
  // What another scope's route contradicts is found out later.
  const conflict = { reason: 'Conflicted', message: 'another route contradicts it: neither is in force' };
  const unsupported = unsupportedRules(resource);
  const isWhole = unsupported.length === (resource.spec.rules ?? [{}]).length;
  const why =
    reason === 'Accepted' && !isIn
      ? conflict
      : reason === 'Accepted' && isWhole
        ? { reason: 'UnsupportedValue', message: answered }
        : { reason, message };
  const isPartly = why.reason === 'Accepted' && unsupported.length > 0;
  const partly = `of rules[${unsupported.join(', ')}], ${answered}`;
  return {
    parentRef: {
      kind,
      namespace,
      name,
      ...(sectionName === undefined ? {} : { sectionName }),
      ...(port === undefined ? {} : { port }),
    },
    conditions: [
      condition('Accepted', why.reason === 'Accepted', why.reason, why.message),
      ...(isPartly ? [condition('PartiallyInvalid', true, 'UnsupportedValue', partly)] : []),
      ...(refs === null ? [] : [refs]),
    ],
  };
}

const answered = 'a filter is not honoured: its requests are answered 500';

/** Indices of rules with filters that are not honoured. */
function unsupportedRules({ spec }: RouteResource): readonly number[] {
  return (spec.rules ?? []).flatMap(({ filters = [] }, index) =>
    areHonoured(filters, 'rule') ? [] : [index],
  );
}

function refOf({ resource, index }: Parent): Partial<RouteResource['spec']['parentRefs'][number]> & {
  readonly name: string;
} {
  return resource.spec.parentRefs[index] ?? { name: '' };
}

/** Null: the route is in force nowhere, and its backends were not looked for. */
function resolvedRefs(
  dangling: readonly { readonly code: string; readonly message: string }[] | undefined,
): ApiCondition | null {
  if (dangling === undefined) return null;
  const [first] = dangling;
  if (first === undefined) return condition('ResolvedRefs', true, 'ResolvedRefs', 'every backend is there');
  const reason = first.code === 'FL3311' ? 'RefNotPermitted' : 'BackendNotFound';
  return condition('ResolvedRefs', false, reason, first.message);
}

function condition(type: string, isTrue: boolean, reason: string, message: string): ApiCondition {
  return { type, status: isTrue ? 'True' : 'False', reason, message };
}

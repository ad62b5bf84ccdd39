import type { Problem } from '../base/problem.ts';
import {
  API_GATEWAY,
  type ApiGatewayListener,
  type ApiGatewayResource,
  type ApiLabelSelector,
  controllerName,
  type GatewayClassResource,
  type Path,
} from '../manifests/index.ts';
import { type Flaw, flawOf, kindsOf } from './api-listeners.ts';
import type { DefinedGateway } from './gateways.ts';
import { mistake, originOf } from './mistake.ts';
import type { GatewayServer, Termination } from './types.ts';

/** The class that needs no manifest. */
const ownClass = 'fairlead';

/** The label by which a proxy says whose it is (Gateway API, "Gateway infrastructure labels"). */
export const gatewayNameLabel = 'gateway.networking.k8s.io/gateway-name';

/** A listener of a Gateway of the Gateway API: what routes are attached to. */
export type Listener = {
  /** `namespace/name` of its Gateway. */
  readonly gateway: string;
  readonly namespace: string;
  readonly name: string;
  /** Of the scope. */
  readonly uid: string;
  /** As an entrance of requests. */
  readonly id: string;
  readonly port: number;
  /** `*`: every host. */
  readonly host: string;
  /** Why it is not served as it is written; null: it is. */
  readonly flaw: Flaw | null;
  /** Kinds of routes that it takes. */
  readonly kinds: readonly string[];
  /** Namespaces of routes that it takes. */
  readonly from: 'Same' | 'All' | 'Selector';
  readonly selector: ApiLabelSelector;
};

/** What the Gateways of the Gateway API of one scope come to. */
export type ApiGateways = {
  readonly defined: readonly DefinedGateway[];
  readonly listeners: readonly Listener[];
  /** `namespace/name` of those that others serve. */
  readonly foreign: readonly string[];
};

type Classes = {
  /** Of the scope itself. */
  readonly own: readonly GatewayClassResource[];
  /** With those of the scopes above it: controllers by name. */
  readonly all: Readonly<Record<string, string>>;
};

export function readApiGateways(
  resources: readonly ApiGatewayResource[],
  classes: Classes,
  problems: Problem[],
): ApiGateways {
  for (const resource of classes.own) {
    const { name, spec } = resource;
    if (spec.controllerName === controllerName) continue;
    const message = `Gateways of the class ${name} are left to ${spec.controllerName}`;
    problems.push(mistake(resource, ['spec', 'controllerName'], 'FL3336', message));
  }
  const controllerOf = ({ spec: { gatewayClassName: name } }: ApiGatewayResource) => {
    if (Object.hasOwn(classes.all, name)) return classes.all[name];
    return name === ownClass ? controllerName : undefined;
  };
  const isOurs = (resource: ApiGatewayResource) => controllerOf(resource) === controllerName;
  const foreign = resources.filter((resource) => !isOurs(resource));
  for (const resource of foreign) {
    const { gatewayClassName } = resource.spec;
    if (classes.own.some(({ name }) => name === gatewayClassName)) continue;
    const controller = controllerOf(resource);
    const message =
      controller === undefined
        ? `there is no GatewayClass ${gatewayClassName}, in this scope or above it: the Gateway is left alone`
        : `Gateways of the class ${gatewayClassName} are left to ${controller}`;
    problems.push(mistake(resource, ['spec', 'gatewayClassName'], 'FL3336', message));
  }
  const own = resources.filter(isOurs).flatMap((resource) => {
    return resource.spec.listeners.map((listener, index) => {
      return { resource, listener, index, read: readListener(resource, listener, index) };
    });
  });
  for (const { resource, read } of own) {
    if (read.flaw !== null) problems.push(mistake(resource, read.flaw.path, 'FL3339', read.flaw.message));
  }
  return {
    defined: own.flatMap(({ resource, listener, index, read }) => {
      return isServed(read) ? [readDefined(resource, listener, index)] : [];
    }),
    listeners: own.map(({ read }) => read),
    foreign: foreign.map(idOf),
  };
}

function idOf({ namespace, name }: Pick<ApiGatewayResource, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`;
}

/** No VirtualService can name it: its gateways have two parts. */
function entranceOf(resource: ApiGatewayResource, { name }: ApiGatewayListener): string {
  return `${idOf(resource)}/${name}`;
}

/** Each listener is a gateway of its own: routes are attached to some of them, and a conflict concerns it alone. */
function readDefined(
  resource: ApiGatewayResource,
  listener: ApiGatewayListener,
  index: number,
): DefinedGateway {
  const { namespace, name } = resource;
  const path: Path = ['spec', 'listeners', index];
  const server: GatewayServer = {
    port: listener.port,
    name: listener.name,
    carries: 'requests',
    security: readSecurity(resource, listener),
    bind: null,
    offers: [{ host: hostOf(listener), to: null }],
    insistsOnHttps: false,
  };
  const gateway = {
    id: entranceOf(resource, listener),
    namespace,
    isOwnNamespaceOnly: true,
    selector: { [gatewayNameLabel]: name },
    servers: [server],
    origin: { ...originOf(resource), ...resource.at(path) },
  };
  return { gateway, resource, serverPath: () => path, offerPath: () => path };
}

function hostOf({ hostname = '*' }: ApiGatewayListener): string {
  return hostname.toLowerCase();
}

function readSecurity({ namespace }: ApiGatewayResource, listener: ApiGatewayListener): Termination | null {
  if (listener.protocol === 'HTTP') return null;
  const names = (listener.tls?.certificateRefs ?? []).map(({ name }) => name);
  const certificates = names.map((name) => ({ from: 'secret', namespace, name }) as const);
  return { certificates, clients: null, minVersion: null, maxVersion: null, ciphers: [] };
}

function readListener(resource: ApiGatewayResource, listener: ApiGatewayListener, index: number): Listener {
  const { namespaces = {} } = listener.allowedRoutes ?? {};
  return {
    gateway: idOf(resource),
    namespace: resource.namespace,
    name: listener.name,
    uid: resource.source.uid,
    id: entranceOf(resource, listener),
    port: listener.port,
    host: hostOf(listener),
    flaw: flawOf(resource, listener, ['spec', 'listeners', index]),
    kinds: kindsOf(listener),
    from: namespaces.from ?? 'Same',
    selector: namespaces.selector ?? {},
  };
}

/** Whether it is opened, if nothing contradicts it. */
export function isServed({ flaw }: Listener): boolean {
  return flaw?.isServed ?? true;
}

/** Whether a listener takes routes of a kind and a namespace with these labels. */
export function admits(
  { kinds, from, selector, namespace: own }: Listener,
  kind: string,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): boolean {
  if (!kinds.includes(kind)) return false;
  if (from === 'Same') return namespace === own;
  return from === 'All' || isSelected(selector, { ...labels, 'kubernetes.io/metadata.name': namespace });
}

/** Kubernetes' label selector: all that it says has to hold. */
function isSelected(
  { matchLabels = {}, matchExpressions = [] }: ApiLabelSelector,
  labels: Readonly<Record<string, string>>,
): boolean {
  return (
    Object.entries(matchLabels).every(([name, value]) => labels[name] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'Exists' || operator === 'DoesNotExist')
        return (value !== undefined) === (operator === 'Exists');
      const isAmong = value !== undefined && values.includes(value);
      return isAmong === (operator === 'In');
    })
  );
}

export function isApiGateway(resource: { readonly kind: string }): resource is ApiGatewayResource {
  return resource.kind === API_GATEWAY;
}

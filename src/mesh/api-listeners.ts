import type { ApiGatewayListener, ApiGatewayResource, Path } from '../manifests/index.ts';

/**
 * Why a listener is not served as it is written, whatever stands beside it, and the conditions that say so (Gateway API,
 * GatewayConditionReason, ListenerConditionReason). Other listeners are served.
 */
export type Flaw = {
  /** Whether all of the Gateway has it. */
  readonly of: 'gateway' | 'listener';
  readonly accepted?:
    | 'UnsupportedAddress'
    | 'InvalidParameters'
    | 'UnsupportedProtocol'
    | 'NoValidCACertificate';
  readonly resolved?:
    | 'InvalidCertificateRef'
    | 'RefNotPermitted'
    | 'InvalidRouteKinds'
    | 'InvalidCACertificateKind';
  readonly message: string;
  /** In the Gateway. */
  readonly path: Path;
  /** Whether it is served all the same, less what it cannot be. */
  readonly isServed: boolean;
};

/** The first that it has; `path` is that of the listener. */
export function flawOf(
  { spec, namespace }: ApiGatewayResource,
  listener: ApiGatewayListener,
  path: Path,
): Flaw | null {
  return (
    gatewayFlaw(spec) ??
    protocolFlaw(listener, path) ??
    certificateFlaw(listener, namespace, path) ??
    clientFlaw(spec, listener) ??
    kindFlaw(listener, path)
  );
}

type Spec = ApiGatewayResource['spec'];

const unserved = { of: 'listener', isServed: false } as const;

/** To listen on other addresses than those that are asked for may open what nobody wanted open. */
function gatewayFlaw({ addresses = [], infrastructure }: Spec): Flaw | null {
  if (addresses.length > 0) {
    const message = 'Fairlead gives a Gateway no address: it is not served';
    const path = ['spec', 'addresses'];
    return { of: 'gateway', accepted: 'UnsupportedAddress', message, path, isServed: false };
  }
  if (infrastructure?.parametersRef === undefined) return null;
  const message = 'Gateways of Fairlead have no parameters: it is not served';
  const path = ['spec', 'infrastructure', 'parametersRef'];
  return { of: 'gateway', accepted: 'InvalidParameters', message, path, isServed: false };
}

/** TLS that goes on as it comes is for TLSRoutes, as TCP and UDP are for others. */
function protocolFlaw({ name, protocol, tls }: ApiGatewayListener, path: Path): Flaw | null {
  const isPassed = protocol === 'HTTPS' && tls?.mode === 'Passthrough';
  if (!isPassed && (protocol === 'HTTP' || protocol === 'HTTPS')) return null;
  const what = isPassed ? 'passes no TLS on' : `serves no ${protocol}`;
  const message = `Fairlead ${what} at a Gateway yet: the listener ${name} is not served`;
  const at = isPassed ? [...path, 'tls', 'mode'] : [...path, 'protocol'];
  return { ...unserved, accepted: 'UnsupportedProtocol', message, path: at };
}

function certificateFlaw({ name, protocol, tls }: ApiGatewayListener, own: string, path: Path): Flaw | null {
  if (protocol !== 'HTTPS') return null;
  const at = [...path, 'tls'];
  const refuse = (resolved: NonNullable<Flaw['resolved']>, why: string, where: Path): Flaw => {
    return { ...unserved, resolved, message: `${why}: the listener ${name} is not served`, path: where };
  };
  if (tls?.certificateRefs === undefined)
    return refuse('InvalidCertificateRef', 'the certificate is missing', at);
  for (const [index, { group = '', kind = 'Secret', namespace = own }] of tls.certificateRefs.entries()) {
    const ref = [...at, 'certificateRefs', index];
    if (group !== '' || kind !== 'Secret') {
      const why = `Fairlead knows certificates such as a ${kind}, but honours only Secrets yet`;
      return refuse('InvalidCertificateRef', why, [...ref, kind === 'Secret' ? 'group' : 'kind']);
    }
    if (namespace === own) continue;
    const why = `Fairlead takes Secrets of ${own} alone, and none of ${namespace} yet`;
    return refuse('RefNotPermitted', why, [...ref, 'namespace']);
  }
  return null;
}

/** To let in whoever shows no certificate is no way to serve it. */
function clientFlaw({ tls }: Spec, { name, protocol, port }: ApiGatewayListener): Flaw | null {
  const { frontend } = tls ?? {};
  if (protocol !== 'HTTPS' || frontend === undefined) return null;
  const { perPort = [] } = frontend;
  const at = perPort.findIndex((one) => one.port === port);
  const path = [
    'spec',
    'tls',
    'frontend',
    ...(at === -1 ? ['default'] : ['perPort', at, 'tls']),
    'validation',
  ];
  if ((perPort[at]?.tls ?? frontend.default).validation === undefined) return null;
  const message = `Fairlead asks clients of a Gateway for no certificate yet: the listener ${name} is not served`;
  return {
    ...{ ...unserved, accepted: 'NoValidCACertificate', resolved: 'InvalidCACertificateKind' },
    ...{ message, path },
  };
}

const group = 'gateway.networking.k8s.io';
const routeKinds: readonly string[] = ['HTTPRoute', 'GRPCRoute'];

type Kinds = NonNullable<NonNullable<ApiGatewayListener['allowedRoutes']>['kinds']>;

function isRouted({ group: named = group, kind }: Kinds[number]): boolean {
  return named === group && routeKinds.includes(kind);
}

/** Kinds of routes that a listener can take, of those that it names. */
export function kindsOf({
  protocol,
  tls,
  allowedRoutes: { kinds = [] } = {},
}: ApiGatewayListener): readonly string[] {
  if ((protocol !== 'HTTP' && protocol !== 'HTTPS') || tls?.mode === 'Passthrough') return [];
  return kinds.length === 0 ? routeKinds : kinds.filter(isRouted).map(({ kind }) => kind);
}

function kindFlaw(listener: ApiGatewayListener, path: Path): Flaw | null {
  const { name, allowedRoutes: { kinds = [] } = {} } = listener;
  const index = kinds.findIndex((one) => !isRouted(one));
  if (index === -1) return null;
  const isServed = kinds.some(isRouted);
  const what = isServed ? `takes no ${kinds[index]?.kind}` : 'is not served';
  const message = `Fairlead honours only ${routeKinds.join(' and ')} at a listener yet: ${name} ${what}`;
  const at = [...path, 'allowedRoutes', 'kinds', index, 'kind'];
  return { of: 'listener', resolved: 'InvalidRouteKinds', message, path: at, isServed };
}

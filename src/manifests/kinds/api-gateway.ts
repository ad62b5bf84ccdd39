import {
  type ApiGatewayListener,
  type ApiGatewayManifest,
  type ApiLabelSelector,
  validateApiGateway,
} from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { defineKind, gatewayApi } from './kind.ts';

/** Kubernetes' way to tell it from Istio's. */
export const API_GATEWAY = 'Gateway.gateway.networking.k8s.io';

/** Gateway API Gateway: what gateway proxies open to those outside. */
export const apiGateway = defineKind({
  name: 'Gateway',
  schema: 'ApiGateway',
  apiVersions: gatewayApi,
  validate: validateApiGateway,
  check,
  resource: ({ spec }, about) => ({ ...about, kind: API_GATEWAY, spec }),
});

function* check({ spec }: ApiGatewayManifest): Generator<Finding> {
  const names = spec.listeners.map(({ name }) => name);
  for (const [index, listener] of spec.listeners.entries()) {
    const path = ['spec', 'listeners', index];
    const { name } = listener;
    if (names.indexOf(name) < index)
      yield { code: 'FL2204', message: `listener ${name} is given twice`, path: [...path, 'name'] };
    if (listener.hostname === '*')
      yield {
        code: 'FL2213',
        message: '* is no host: a listener without a hostname is for all',
        path: [...path, 'hostname'],
      };
    yield* checkTls(listener, path);
    yield* checkRoutes(listener, path);
  }
}

function* checkTls({ protocol, tls }: ApiGatewayListener, path: Path): Generator<Finding> {
  if (protocol === 'HTTP') {
    if (tls === undefined) return;
    yield {
      code: 'FL2221',
      message: 'HTTP is not encrypted: tls has no effect',
      path: [...path, 'tls'],
      on: 'key',
    };
    return;
  }
  if (tls?.certificateRefs === undefined) {
    const fix = 'add tls.certificateRefs with the name of a secret';
    yield { code: 'FL2106', message: 'the certificate is missing', path: [...path, 'tls'], fix };
  }
  for (const [index, { group = '', kind = 'Secret', namespace }] of (tls?.certificateRefs ?? []).entries()) {
    const at = [...path, 'tls', 'certificateRefs', index];
    if (group !== '' || kind !== 'Secret') {
      const message = `Fairlead knows certificates such as a ${kind}, but honours only Secrets yet`;
      yield { code: 'FL2104', message, path: [...at, kind === 'Secret' ? 'group' : 'kind'] };
    }
    if (namespace === undefined) continue;
    const message = 'Fairlead knows secrets of other namespaces, but honours only those of the Gateway yet';
    yield { code: 'FL2104', message, path: [...at, 'namespace'], on: 'key' };
  }
}

const routeKinds = ['HTTPRoute', 'GRPCRoute'];

function* checkRoutes({ allowedRoutes = {} }: ApiGatewayListener, path: Path): Generator<Finding> {
  const { namespaces = {}, kinds = [] } = allowedRoutes;
  const at = [...path, 'allowedRoutes'];
  for (const [index, { group = 'gateway.networking.k8s.io', kind }] of kinds.entries()) {
    if (group === 'gateway.networking.k8s.io' && routeKinds.includes(kind)) continue;
    const message = `Fairlead honours only ${routeKinds.join(' and ')} at a listener yet, no ${kind}`;
    yield { code: 'FL2104', message, path: [...at, 'kinds', index, 'kind'] };
  }
  const { from = 'Same', selector } = namespaces;
  if (from === 'Selector' && selector === undefined)
    yield { code: 'FL2106', message: 'the selector is missing', path: [...at, 'namespaces'] };
  if (selector === undefined) return;
  if (from !== 'Selector') {
    const message = `from: ${from} has no selector`;
    yield { code: 'FL2221', message, path: [...at, 'namespaces', 'selector'], on: 'key' };
  }
  yield* checkSelector(selector, [...at, 'namespaces', 'selector']);
}

function* checkSelector({ matchExpressions = [] }: ApiLabelSelector, path: Path): Generator<Finding> {
  for (const [index, { operator, values = [] }] of matchExpressions.entries()) {
    const at = [...path, 'matchExpressions', index];
    const wants = operator === 'In' || operator === 'NotIn';
    if (wants && values.length === 0)
      yield { code: 'FL2106', message: `${operator} has no values`, path: at };
    if (!wants && values.length > 0)
      yield { code: 'FL2221', message: `${operator} has values`, path: [...at, 'values'], on: 'key' };
  }
}

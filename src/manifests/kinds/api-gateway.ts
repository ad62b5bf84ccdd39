import {
  type ApiGatewayListener,
  type ApiGatewayManifest,
  type ApiGatewaySpec,
  type ApiLabelSelector,
  validateApiGateway,
} from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import { nearest } from '../nearest.ts';
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
  yield* checkAside(spec);
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
    yield* checkProtocol(listener.protocol, [...path, 'protocol']);
    yield* checkTls(listener, path);
    yield* checkRoutes(listener, path);
  }
}

/** What its listeners are served without. */
const ignored = {
  allowedListeners: 'no ListenerSet is read, so that none is attached',
  defaultScope: 'no route is attached but by its parentRefs',
} as const;

const ownOnly = 'nothing: no object is made for a Gateway here';

function* checkAside({ tls, infrastructure = {}, ...spec }: ApiGatewaySpec): Generator<Finding> {
  for (const field of ['allowedListeners', 'defaultScope'] as const) {
    if (spec[field] === undefined || spec[field] === 'None') continue;
    yield { code: 'FL2285', message: ignored[field], path: ['spec', field], on: 'key' };
  }
  for (const field of ['labels', 'annotations'] as const) {
    if (infrastructure[field] === undefined) continue;
    const path = ['spec', 'infrastructure', field];
    yield { code: 'FL2280', message: `the ${field} are those of no object`, path, on: 'key', fix: ownOnly };
  }
  if (tls?.backend === undefined) return;
  const message = 'gateways show no certificate to backends yet';
  yield { code: 'FL2285', message, path: ['spec', 'tls', 'backend'], on: 'key' };
}

/** Those of the Gateway API; others have the domain of an implementation. */
const protocols = ['HTTP', 'HTTPS', 'TLS', 'TCP', 'UDP'];

/** Which of them can be served is another question (mesh, FL3339). */
function* checkProtocol(protocol: string, path: Path): Generator<Finding> {
  if (protocols.includes(protocol) || protocol.includes('/')) return;
  const meant = nearest(protocol, protocols);
  const fix = meant === null ? `write ${protocols.join(', ')}` : `did you mean ${meant}?`;
  yield { code: 'FL2108', message: `no protocol is called ${protocol}`, path, fix };
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
  const { mode, certificateRefs, options } = tls ?? {};
  if (
    protocol === 'HTTPS' &&
    mode !== 'Passthrough' &&
    certificateRefs === undefined &&
    options === undefined
  ) {
    const fix = 'add tls.certificateRefs with the name of a secret';
    yield { code: 'FL2106', message: 'the certificate is missing', path: [...path, 'tls'], fix };
  }
  if (options === undefined) return;
  const fix = 'nothing, if it is for another implementation; else remove it';
  const message = 'no option of a listener is known here';
  yield { code: 'FL2280', message, path: [...path, 'tls', 'options'], on: 'key', fix };
}

function* checkRoutes({ allowedRoutes = {} }: ApiGatewayListener, path: Path): Generator<Finding> {
  const { from = 'Same', selector } = allowedRoutes.namespaces ?? {};
  const at = [...path, 'allowedRoutes', 'namespaces'];
  if (from === 'Selector' && selector === undefined)
    yield { code: 'FL2106', message: 'the selector is missing', path: at };
  if (selector === undefined) return;
  if (from !== 'Selector') {
    const message = `from: ${from} has no selector`;
    yield { code: 'FL2221', message, path: [...at, 'selector'], on: 'key' };
  }
  yield* checkSelector(selector, [...at, 'selector']);
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

import {
  type SidecarEgress,
  type SidecarIngress,
  type SidecarManifest,
  validateSidecar,
} from '../../generated/schemas/index.ts';
import { isIp } from '../address.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { checkTls } from './gateway-tls.ts';
import { checkIdle } from './idle.ts';
import { defineKind, istioNetworking } from './kind.ts';
import { checkPool } from './traffic-policy.ts';

/** Istio Sidecar: what the proxies of some workloads see, and what they serve. */
export const sidecar = defineKind({
  name: 'Sidecar',
  apiVersions: istioNetworking,
  validate: validateSidecar,
  check,
  resource: ({ spec }, about) => ({ ...about, kind: 'Sidecar', spec }),
});

function* check({ spec }: SidecarManifest): Generator<Finding> {
  const { ingress = [], egress = [], inboundConnectionPool, outboundTrafficPolicy: outbound } = spec;
  yield* checkEgress(egress);
  if (inboundConnectionPool !== undefined)
    yield* checkPool(inboundConnectionPool, ['spec', 'inboundConnectionPool']);
  if (outbound?.egressProxy !== undefined && outbound.mode !== 'ALLOW_ANY') {
    const message = 'nothing passes: egressProxy has no effect without mode ALLOW_ANY';
    yield { code: 'FL2244', message, path: ['spec', 'outboundTrafficPolicy', 'egressProxy'], on: 'key' };
  }
  const ports = ingress.map(({ port }) => port.number);
  for (const [index, listener] of ingress.entries()) {
    const path = ['spec', 'ingress', index];
    const { number } = listener.port;
    if (ports.indexOf(number) < index) {
      yield { code: 'FL2204', message: `port ${number} is given twice`, path: [...path, 'port', 'number'] };
    }
    yield* checkIngress(listener, index);
  }
}

/** One listener at most is for all other ports, and stands last (Istio). */
function* checkEgress(egress: readonly SidecarEgress[]): Generator<Finding> {
  const ports = egress.map(({ port }) => port?.number);
  const sockets = egress.map(({ bind }) => (bind?.startsWith('unix://') ? bind : null));
  for (const [index, listener] of egress.entries()) {
    const { hosts } = listener;
    const path = ['spec', 'egress', index];
    const socket = sockets[index] ?? null;
    if (socket !== null && sockets.indexOf(socket) < index) {
      yield { code: 'FL2204', message: `${socket} is given twice`, path: [...path, 'bind'] };
    }
    yield* checkBind(listener, path);
    yield* checkIdle({ targetPort: listener.port?.targetPort }, [...path, 'port']);
    const port = ports[index];
    if (port !== undefined && ports.indexOf(port) < index) {
      yield { code: 'FL2204', message: `port ${port} is given twice`, path: [...path, 'port', 'number'] };
    }
    if (port === undefined && index < ports.length - 1) {
      const message = 'a listener without a port is for all that is left: it stands last';
      yield { code: 'FL2270', message, path };
    }
    for (const [at, host] of hosts.entries()) {
      const place = [...path, 'hosts', at];
      if (hosts.indexOf(host) < at)
        yield { code: 'FL2212', message: `host ${host} is given twice`, path: place };
      if (host !== '~/*' && host.startsWith('~') && hosts.every((other) => other.startsWith('~'))) {
        const message = `${host} leaves out what nothing includes`;
        yield { code: 'FL2213', message, path: place, fix: 'write what is included, too: */*' };
      }
    }
  }
}

/** Where the proxy listens for its applications. */
function* checkBind({ port, bind, captureMode }: SidecarEgress, path: Path): Generator<Finding> {
  if (port === undefined && (bind !== undefined || captureMode === 'NONE')) {
    const what = bind === undefined ? 'what nothing captures' : 'an address';
    yield { code: 'FL2106', message: `${what} has a port: port is missing`, path };
  }
  if (bind === undefined) return;
  const isSocket = /^unix:\/\/(\/|@)./.test(bind);
  if (!isSocket && !isIp(bind)) {
    const fix = 'write an IP address, unix:///path or unix://@name';
    yield { code: 'FL2208', message: `${bind} is no address to listen at`, path: [...path, 'bind'], fix };
  }
  if (isSocket && captureMode === 'IPTABLES') {
    const message = 'nothing captures what goes to a socket';
    yield { code: 'FL2244', message, path: [...path, 'captureMode'] };
  }
}

/** As a server of a gateway, but that TLS ends here. */
function* checkIngressTls({ port, tls }: SidecarIngress, path: Path): Generator<Finding> {
  if (tls === undefined) return;
  const { name = '', number, protocol = 'TCP' } = port;
  if (tls.mode === undefined || tls.mode === 'PASSTHROUGH') {
    const fix = 'write SIMPLE, MUTUAL or OPTIONAL_MUTUAL, or leave out tls';
    yield { code: 'FL2221', message: 'TLS ends at a Sidecar', path: [...path, 'tls'], on: 'key', fix };
    return;
  }
  if (protocol !== 'HTTPS' && protocol !== 'TLS') {
    const fix = 'write HTTPS, or TLS where it carries no HTTP';
    const message = `${protocol} is not encrypted`;
    yield { code: 'FL2221', message, path: [...path, 'port'], on: 'key', fix };
    return;
  }
  yield* checkTls({ port: { name, number, protocol }, tls, hosts: [] }, path);
}

function* checkIngress(listener: SidecarIngress, index: number): Generator<Finding> {
  const path = ['spec', 'ingress', index];
  const { bind, defaultEndpoint, connectionPool } = listener;
  yield* checkIngressTls(listener, path);
  yield* checkIdle({ targetPort: listener.port.targetPort }, [...path, 'port']);
  if (connectionPool !== undefined) yield* checkPool(connectionPool, [...path, 'connectionPool']);
  if (bind !== undefined && !isIp(bind)) {
    yield { code: 'FL2208', message: `${bind} is no IP address`, path: [...path, 'bind'], fix: 'write one' };
  }
  if (defaultEndpoint === undefined || isEndpoint(defaultEndpoint)) return;
  const message = `${defaultEndpoint} is no place of the application`;
  const fix =
    'write 127.0.0.1:8080, 0.0.0.0:8080 or unix:///path, with the port or the path of the application';
  yield { code: 'FL2208', message, path: [...path, 'defaultEndpoint'], fix };
}

function isEndpoint(text: string): boolean {
  if (/^unix:\/\/\/./.test(text)) return true;
  const port = /^(?:127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):([1-9][0-9]{0,4})$/.exec(text)?.[1];
  return port !== undefined && Number(port) <= 65535;
}

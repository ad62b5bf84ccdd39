import {
  type SidecarEgress,
  type SidecarIngress,
  type SidecarManifest,
  validateSidecar,
} from '../../generated/schemas/index.ts';
import { isIp } from '../address.ts';
import type { Finding } from '../finding.ts';
import { defineKind, istioNetworking } from './kind.ts';

/** Istio Sidecar: what the proxies of some workloads see, and what they serve. */
export const sidecar = defineKind({
  name: 'Sidecar',
  apiVersions: istioNetworking,
  validate: validateSidecar,
  check,
  resource: ({ spec }, about) => ({ ...about, kind: 'Sidecar', spec }),
});

function* check({ spec: { ingress = [], egress = [] } }: SidecarManifest): Generator<Finding> {
  yield* checkEgress(egress);
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
  for (const [index, { hosts }] of egress.entries()) {
    const path = ['spec', 'egress', index];
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
      if (host.startsWith('~/') && host !== '~/*') {
        yield { code: 'FL2213', message: `${host} names no host: nothing is ~/*`, path: place };
      }
    }
  }
}

function* checkIngress({ bind, defaultEndpoint }: SidecarIngress, index: number): Generator<Finding> {
  const path = ['spec', 'ingress', index];
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

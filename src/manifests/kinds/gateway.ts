import { type GatewayManifest, type GatewayServer, validateGateway } from '../../generated/schemas/index.ts';
import { isIp } from '../address.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { checkTls } from './gateway-tls.ts';
import { checkIdle } from './idle.ts';
import { defineKind, istioNetworking } from './kind.ts';

/** What VirtualServices call all sidecars. */
export const allSidecars = 'mesh';

/** Istio Gateway: what the gateways of a mesh open to those outside. */
export const gateway = defineKind({
  name: 'Gateway',
  apiVersions: istioNetworking,
  validate: validateGateway,
  check,
  resource: ({ spec }, about) => ({ ...about, kind: 'Gateway', spec }),
});

function* check({ metadata, spec }: GatewayManifest): Generator<Finding> {
  if (metadata.name === allSidecars) {
    const message = `${allSidecars} is what VirtualServices call all sidecars`;
    yield { code: 'FL2260', message, path: ['metadata', 'name'] };
  }
  const names = new Set<string>();
  for (const [index, server] of spec.servers.entries()) {
    const path = ['spec', 'servers', index];
    const { name } = server.port;
    if (names.has(name)) {
      yield { code: 'FL2204', message: `port name ${name} is given twice`, path: [...path, 'port', 'name'] };
    }
    names.add(name);
    yield* checkServer(server, path);
  }
}

function* checkServer(server: GatewayServer, path: Path): Generator<Finding> {
  const { bind, hosts, defaultEndpoint } = server;
  yield* checkIdle({ defaultEndpoint }, path);
  yield* checkIdle({ targetPort: server.port.targetPort }, [...path, 'port']);
  yield* checkTls(server, path);
  if (bind !== undefined && !isIp(bind)) {
    yield { code: 'FL2208', message: `${bind} is no IP address`, path: [...path, 'bind'] };
  }
  for (const [index, host] of hosts.entries()) {
    if (hosts.indexOf(host) === index) continue;
    yield { code: 'FL2212', message: `host ${host} is given twice`, path: [...path, 'hosts', index] };
  }
}

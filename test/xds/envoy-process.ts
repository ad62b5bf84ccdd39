import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../src/cli/demo/services.ts';
import { bootstrap, type ProxyXds } from '../../src/translate/index.ts';
import { envoyPath } from '../envoy.ts';
import { NODE } from './client.ts';

/**
 * A real Envoy that asks 127.0.0.1:`xdsPort` for everything, in one of the ways that there are; or, where it may choose,
 * one of several such ports, as of a name that has several addresses.
 */
export async function startEnvoy(
  xdsPort: number,
  xds: ProxyXds,
  ...others: readonly number[]
): Promise<{ stop(): Promise<void>; log(): string }> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-xds-'));
  const config = join(folder, 'envoy.json');
  const metadata = { FAIRLEAD: xds };
  const options = { nodeId: NODE.id, metadata, xdsHost: '127.0.0.1', xdsPort, xds };
  const made = bootstrap({ ...options, adminPort: await freePort(), statsPort: null }) as Bootstrapped;
  for (const port of others) addControl(made, port);
  await writeFile(config, JSON.stringify(made));
  const args = ['-c', config, '--disable-hot-restart', '--concurrency', '1', '-l', 'warning'];
  const envoy: ChildProcess = spawn(await envoyPath(), args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  envoy.stderr?.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  return {
    log: () => log,
    stop: async () => {
      if (envoy.exitCode === null && envoy.signalCode === null) {
        envoy.kill('SIGKILL');
        await once(envoy, 'exit');
      }
      await rm(folder, { recursive: true });
    },
  };
}

type Bootstrapped = {
  readonly static_resources: {
    readonly clusters: readonly {
      readonly load_assignment: { readonly endpoints: readonly { readonly lb_endpoints: object[] }[] };
    }[];
  };
};

function addControl({ static_resources: { clusters } }: Bootstrapped, port_value: number): void {
  const address = { socket_address: { address: '127.0.0.1', port_value } };
  clusters[0]?.load_assignment.endpoints[0]?.lb_endpoints.push({ endpoint: { address } });
}

/** An HTTP server on 127.0.0.1 that answers with its own name. */
export async function startBackend(name: string): Promise<{ port: number; stop(): Promise<void> }> {
  const server = createServer((_, response) => response.end(name)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: portOf(server), stop: () => stop(server) };
}

export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}

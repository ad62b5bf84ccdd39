import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { threadId } from 'node:worker_threads';

export type Echo = { readonly port: number; close(): Promise<void> };

/** A service that answers every request with its version, on a free port of 127.0.0.1. */
export async function startEcho(version: string): Promise<Echo> {
  const server = createServer((_, response) => response.end(version));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/**
 * Ports that were free a moment ago, all different. They lie below those that a system gives to whoever asks for any, so that no
 * connection of somebody else takes one before Envoy does; processes side by side begin at other ones.
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  const found: number[] = [];
  for (let tried = 0; found.length < count; tried += 1) {
    if (tried === RANGE) throw new Error(`no ${count} ports are free between ${FIRST} and ${FIRST + RANGE}`);
    const port = FIRST + (next % RANGE);
    next += 1;
    if (await isFree(port)) found.push(port);
  }
  return found;
}

const FIRST = 12_000;
const RANGE = 20_000;
let next = (process.pid + threadId) * 131;

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

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

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const held = await Promise.all(Array.from({ length: count }, () => startEcho('')));
  await Promise.all(held.map((echo) => echo.close()));
  return held.map(({ port }) => port);
}

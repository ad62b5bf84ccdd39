import type { Server } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';

type Serving = 'SERVING' | 'NOT_SERVING';

/** `grpc.health.v1`: one state for the server as a whole and for each of its services. NOT_SERVING at first. */
export function createHealth(server: Server, services: readonly string[]): { set(state: Serving): void } {
  const names = ['', ...services];
  const health = new HealthImplementation(Object.fromEntries(names.map((name) => [name, 'NOT_SERVING'])));
  health.addToServer(server);
  return {
    set: (state) => {
      for (const name of names) health.setStatus(name, state);
    },
  };
}

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Child, startChild } from './child.ts';
import type { World } from './world.ts';

/** Starts a real Envoy with the bootstrap that `fairlead bootstrap` printed. */
export async function startEnvoy(world: World, binary: string, bootstrap: string): Promise<Child> {
  const file = join(world.folder, 'envoy.json');
  await writeFile(file, bootstrap);
  // Without hot restart several Envoys share a machine.
  const args = ['-c', file, '--disable-hot-restart', '--concurrency', '2', '--log-level', 'info'];
  const { folder: cwd, environment } = world;
  const log = join(world.folder, 'envoy.log');
  return startChild({ program: binary, args, cwd, environment, log, ready: /all dependencies initialized/ });
}

import { once } from 'node:events';
import { access, constants, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { Failure } from '../../base/failure.ts';
import type { PartialConfig } from '../../config.ts';
import { type Check, type Finding, fail, ok, warn } from './check.ts';

const ENOUGH_BYTES = 1024 ** 3;
const LEAST_BYTES = 64 * 1024 ** 2;

/** Writable, with space, of a known format, and nobody's. Nothing is made. */
export const dataDir: Check = {
  name: 'data-dir',
  async run({ inspectDataFolder }, { dataDir: folder }) {
    if (folder === null) return null;
    const there = await nearestFolder(folder);
    const writable = await access(there, constants.W_OK | constants.X_OK).then(
      () => true,
      () => false,
    );
    if (!writable)
      return fail(`${there} cannot be written`, 'give its owner the right, or use another --data-dir');
    const holder = await inspectDataFolder(folder);
    if (holder !== null)
      return fail(`${folder} is held by ${holder}`, 'a server runs already: stop it first');
    return space(folder, there);
  },
};

async function nearestFolder(folder: string): Promise<string> {
  const exists = await access(folder).then(
    () => true,
    () => false,
  );
  return exists || dirname(folder) === folder ? folder : nearestFolder(dirname(folder));
}

async function space(folder: string, there: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(there);
  const free = bavail * bsize;
  const said = `${folder}, ${(free / 1e9).toFixed(1)} GB free`;
  if (free < LEAST_BYTES) return fail(said, 'free disk space: nothing could be followed');
  return free < ENOUGH_BYTES ? warn(said, 'free disk space: histories grow') : ok(said);
}

export const xdsPort = portCheck('xds-port', ({ xds }) => xds, '--xds');
export const httpPort = portCheck('http-port', ({ http }) => http, '--http');

type Address = { readonly host: string; readonly port: number };

function portCheck(name: string, addressOf: (config: PartialConfig) => Address | null, flag: string): Check {
  return {
    name,
    async run(_, config) {
      const address = addressOf(config);
      if (address === null) return null;
      const { host, port } = address;
      const server = createServer();
      try {
        server.listen({ host, port, exclusive: true });
        await once(server, 'listening');
        return ok(port === 0 ? `any free one of ${host}` : `${host}:${port} is free`);
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
        const why = code === 'EADDRINUSE' ? 'somebody listens there already' : code;
        throw new Failure('port-unusable', `${host}:${port}: ${why}`, `choose another: ${flag} host:port`);
      } finally {
        server.close();
      }
    },
  };
}

import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerConfig } from '../../src/config.ts';
import { createServer, type Server } from '../../src/main.ts';
import { ask, createSite, hint, type Site, world } from '../server.ts';
import { type HostEnvoy, type HostEnvoyOptions, startHostEnvoy } from './envoy.ts';
import { createNetwork, type Host, type Network } from './namespaces.ts';

/** A mesh that a real server serves to real Envoys, each in a network namespace of its own. */
export type NetworkStage = {
  readonly site: Site;
  readonly network: Network;
  /** The server, when it serves these manifests; asked for once. `changes`: what its configuration has else. */
  serve(manifests: string, changes?: Partial<ServerConfig>): Promise<Server>;
  /** Signs other manifests in their place; resolves when the server has them and every Envoy has acknowledged that. */
  change(server: Server, manifests: string): Promise<void>;
  /** An Envoy on a host, when it has acknowledged all that the server has for it. */
  envoy(server: Server, host: Host, about: Omit<HostEnvoyOptions, 'dir' | 'xds'>): Promise<HostEnvoy>;
  close(): Promise<void>;
};

export async function createNetworkStage(): Promise<NetworkStage> {
  await using making = new AsyncDisposableStack();
  const site = await createSite();
  making.defer(() => site.close());
  // Envoys run as another user.
  await chmod(site.folder, 0o755);
  const network = await createNetwork(site.folder);
  making.defer(() => network.close());
  const made = making.move();
  let envoys = 0;
  let changed = 0;
  const sign = async (manifests: string) => {
    changed += 1;
    await site.repository.write('mesh/network.yaml', manifests);
    return site.change(`other-${changed}`, 'alice');
  };
  return {
    site,
    network,
    async serve(manifests, changes = {}) {
      await sign(manifests);
      const config = { ...site.config, xds: { host: network.address, port: 0 }, ...changes };
      const server = await createServer(config, world);
      made.defer(() => server.close());
      await accepted(server, site);
      return server;
    },
    async change(server, manifests) {
      const tip = await sign(manifests);
      await hint(server.httpPort);
      await accepted(server, site);
      const has = (proxy: ProxyStatus) => proxy.fullyAcked?.revision === tip;
      await ask<Proxies>(server.httpPort, '/api/v1/proxies', ({ items }) => items.every(has));
    },
    async envoy(server, host, about) {
      envoys += 1;
      const dir = join(site.folder, `envoy-${envoys}`);
      const xds = { host: network.address, port: server.xdsPort };
      const envoy = await startHostEnvoy(host, { dir, xds, ...about });
      await acknowledged(server, envoy);
      return envoy;
    },
    close: () => made.disposeAsync(),
  };
}

type ProxyStatus = { readonly proxy: string; readonly fullyAcked: { readonly revision: string } | null };
type Proxies = { readonly items: readonly ProxyStatus[] };

/** Fails where the manifests have problems: a test would look at something else than it says. */
async function accepted(server: Server, { repository }: Site): Promise<void> {
  const tip = await repository.id();
  type Repositories = { readonly items: readonly { readonly appliedRevision: string | null }[] };
  await ask<Repositories>(
    server.httpPort,
    '/api/v1/repositories',
    ({ items }) => items[0]?.appliedRevision === tip,
  );
  type Scopes = { readonly items: readonly { readonly problems?: readonly unknown[] }[] };
  const { items } = await ask<Scopes>(server.httpPort, '/api/v1/scopes');
  const problems = items.flatMap((scope) => scope.problems ?? []);
  if (problems.length > 0) throw new Error(JSON.stringify(problems, null, 1));
}

async function acknowledged(server: Server, { nodeId }: HostEnvoy): Promise<void> {
  const has = ({ proxy, fullyAcked }: ProxyStatus) => proxy === nodeId && fullyAcked !== null;
  await ask<Proxies>(server.httpPort, '/api/v1/proxies', ({ items }) => items.some(has));
}

import { basename, dirname, join } from 'node:path';
import type { ServerConfig } from '../../src/config.ts';
import type { Server } from '../../src/main.ts';
import { service } from '../mesh/manifests.ts';
import type { HostEnvoy } from '../network/envoy.ts';
import type { Host } from '../network/namespaces.ts';
import { createNetworkStage, type NetworkStage } from '../network/stage.ts';
import { followed, type Site } from '../server.ts';

const gitHost = join(import.meta.dirname, 'git-host.ts');
const PORT = 8080;

/** A server that follows a remote on another machine and serves two Envoys, each on another machine too. */
export type LossyStage = {
  readonly site: Site;
  readonly server: Server;
  readonly config: ServerConfig;
  readonly forge: Host;
  readonly hosts: readonly [Host, Host];
  readonly envoys: readonly [HostEnvoy, HostEnvoy];
  /** Signs a commit of this name and hints at it; resolves when every connected Envoy has acknowledged it. */
  commit(name: string): Promise<void>;
  close(): Promise<void>;
};

export type Proxies = {
  readonly items: readonly {
    readonly proxy: string;
    readonly fullyAcked: { readonly revision: string } | null;
  }[];
};

/** `about`: how patient the server is. */
export async function createLossyStage(about: {
  readonly fetchTimeoutMs: number;
  readonly keepaliveMs: number;
}): Promise<LossyStage> {
  await using making = new AsyncDisposableStack();
  const stage = await createNetworkStage();
  making.defer(() => stage.close());
  const { site, network } = stage;
  const forge = await network.host('forge');
  const { fetchTimeoutMs, keepaliveMs } = about;
  const repositories = [
    { ...followed(site.config), fetchTimeoutMs, repository: await serveGit(stage, forge) },
  ];
  const config = { ...site.config, repositories, keepaliveMs };
  const { xds: _, ...changes } = config;
  const server = await stage.serve(service('first', 'demo'), changes);
  const hosts = [await network.host('one'), await network.host('two')] as const;
  const metadata = { FAIRLEAD: { httpProxyPort: 8888 } };
  const envoyOn = (host: Host, name: string) =>
    stage.envoy(server, host, { name, namespace: 'demo', metadata });
  const envoys = [await envoyOn(hosts[0], 'one'), await envoyOn(hosts[1], 'two')] as const;
  const made = making.move();
  return {
    ...{ site, server, config, forge, hosts, envoys },
    commit: (name) => stage.change(server, service(name, 'demo')),
    close: () => made.disposeAsync(),
  };
}

/** The URL of the mesh on that machine. */
async function serveGit({ site }: NetworkStage, host: Host): Promise<string> {
  const { dir } = site.repository;
  const args = [gitHost, dirname(dir), host.address, `${PORT}`];
  const log = join(site.folder, 'forge.log');
  await host.start({ program: process.execPath, args, ready: /^listening$/, log });
  return `http://${host.address}:${PORT}/${basename(dir)}/.git`;
}

/** From now on packets to and from a host are lost: a share of them, or all, so that no FIN and no RST gets through. */
export async function lose(host: Host, share: number): Promise<void> {
  const some = ['-m', 'statistic', '--mode', 'random', '--probability', `${share}`];
  for (const chain of ['INPUT', 'OUTPUT'])
    await host.run('iptables', '-A', chain, ...(share === 1 ? [] : some), '-j', 'DROP');
}

/** From now on none is lost. */
export async function mend(host: Host): Promise<void> {
  for (const chain of ['INPUT', 'OUTPUT']) await host.run('iptables', '-F', chain);
}

/** How many were lost, until now. */
export async function lost(host: Host): Promise<number> {
  const rules = await host.run('iptables', '-nvxL');
  return [...rules.matchAll(/^\s*(\d+)\s+\d+\s+DROP/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
}

import { chmod, chown, copyFile, link, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootstrap } from '../../src/translate/index.ts';
import { envoyPath } from '../envoy.ts';
import type { Host } from './namespaces.ts';

const PROXY_UID = 1337;

/** A real Envoy on a host, as the user whose connections are not captured. */
export type HostEnvoy = {
  readonly nodeId: string;
  /** Value of a counter or gauge of its admin interface; 0 where it is not there yet. */
  stat(name: string): Promise<number>;
  log(): Promise<string>;
};

export type HostEnvoyOptions = {
  /** A folder of this Envoy's own, below one that everybody may enter. */
  readonly dir: string;
  readonly type?: 'sidecar' | 'router';
  readonly name: string;
  readonly namespace: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly xds: { readonly host: string; readonly port: number };
  /** Default: delta ADS. */
  readonly asks?: { readonly services: 'ads' | 'per-type'; readonly protocol: 'delta' | 'sotw' };
};

/** Resolves when it has its first configuration. */
export async function startHostEnvoy(host: Host, options: HostEnvoyOptions): Promise<HostEnvoy> {
  const { dir, type = 'sidecar', name, namespace, xds, asks } = options;
  const metadata = asks === undefined ? options.metadata : withAsking(options.metadata, asks);
  const nodeId = `${type}~${host.address}~${name}.${namespace}~${namespace}.svc.cluster.local`;
  const [file, log, admin] = [join(dir, 'envoy.json'), join(dir, 'envoy.log'), join(dir, 'admin')];
  await mkdir(dir);
  await chown(dir, PROXY_UID, PROXY_UID);
  const known = {
    nodeId,
    metadata,
    xdsHost: xds.host,
    xdsPort: xds.port,
    adminPort: 0,
    statsPort: null,
    ...(asks === undefined ? {} : { xds: asks }),
  };
  await writeFile(file, JSON.stringify(bootstrap(known)));
  const flags = ['--disable-hot-restart', '--concurrency', '1', '--log-level', 'info'];
  await host.start({
    program: await binaryIn(dir),
    args: ['-c', file, ...flags, '--admin-address-path', admin],
    ready: /all dependencies initialized/,
    as: 'proxy',
    log,
  });
  return {
    nodeId,
    log: () => readFile(log, 'utf8'),
    async stat(wanted) {
      const [answer = ''] = await host.get(`http://${await readFile(admin, 'utf8')}/stats?format=json`);
      const { stats } = JSON.parse(answer.slice(answer.indexOf('{'))) as {
        stats: readonly { name?: string; value?: number }[];
      };
      return stats.find((stat) => stat.name === wanted)?.value ?? 0;
    },
  };
}

function withAsking(
  { FAIRLEAD = {}, ...others }: Readonly<Record<string, unknown>>,
  asks: NonNullable<HostEnvoyOptions['asks']>,
): Readonly<Record<string, unknown>> {
  return { ...others, FAIRLEAD: { ...(FAIRLEAD as object), ...asks } };
}

/** The binary where another user may start it: the cache is in this one's home. */
async function binaryIn(dir: string): Promise<string> {
  const [from, to] = [await envoyPath(), join(dir, 'envoy')];
  await link(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EXDEV' && error.code !== 'EPERM') throw error;
    return copyFile(from, to);
  });
  await chmod(to, 0o755);
  return to;
}

import { rename } from 'node:fs/promises';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { routesYaml, tcpYaml } from './mesh.ts';
import { createStage, type Envoy, eventually, NODE_ID, proxyWhen, type Stage, served } from './stage.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await createStage();
});
afterEach(() => stage?.close());

const LISTENER = 'type.googleapis.com/envoy.config.listener.v3.Listener';

/** How many responses with clusters and with listeners an Envoy has taken, refused ones too. */
async function responses(envoy: Envoy): Promise<Readonly<Record<string, number>>> {
  const count = async (prefix: string) =>
    (await envoy.stat(`${prefix}.update_success`)) + (await envoy.stat(`${prefix}.update_rejected`));
  return { cds: await count('cluster_manager.cds'), lds: await count('listener_manager.lds') };
}

describe('a restarted server without its remote', () => {
  it('gives a fresh Envoy what was accepted, and says since when the remote fails', async () => {
    const first = await stage.serve();
    await stage.mesh.write('mesh/routes.yaml', routesYaml(50));
    await stage.mesh.push('half', 'alice');
    const old = await stage.envoy(first);
    await old.ready;
    await served(first, await stage.mesh.approve(), old);
    await first.close();
    await rename(stage.mesh.remote, `${stage.mesh.remote}.away`);

    const second = await stage.serve();
    const fresh = await stage.envoy(second);
    await fresh.ready;
    await fresh.expectShare(0.5);
    type Repositories = {
      readonly items: readonly {
        readonly failure: { readonly code: string } | null;
        readonly fetch: { readonly failingSinceMs: number | null };
      }[];
    };
    const failing = ({ items }: Repositories) => items[0]?.fetch.failingSinceMs != null;
    const { items } = await eventually(second, '/api/v1/repositories', failing);
    expect(items[0]).toMatchObject({ failure: { code: 'remote-unreachable' } });
  });
});

describe('a commit that changes no resource', () => {
  it('sends Envoy nothing', async () => {
    const server = await stage.serve();
    const envoy = await stage.envoy(server);
    await envoy.ready;
    const before = await proxyWhen(server, NODE_ID, ({ fullyAcked }) => fullyAcked !== null);
    const taken = await responses(envoy);
    expect(taken).toEqual({ cds: 1, lds: 1 });

    await stage.mesh.write('README.md', 'Outside the mesh.\n');
    const outside = await served(server, await stage.mesh.push('outside'), envoy);
    await stage.mesh.write('mesh/routes.yaml', `# A comment.\n${routesYaml(10)}`);
    await stage.mesh.push('comment', 'alice');
    const comment = await served(server, await stage.mesh.approve(), envoy);
    const nonces = ({ types }: typeof before) => types.map(({ sent }) => sent);
    expect(nonces(outside)).toEqual(nonces(before));
    expect(nonces(comment)).toEqual(nonces(before));

    // What comes next is a change of one type alone: had anything been under way, it would be here now.
    await stage.mesh.write('mesh/routes.yaml', routesYaml(100));
    await stage.mesh.push('all', 'alice');
    const after = await served(server, await stage.mesh.approve(), envoy);
    const changed = after.types.filter(({ sent }, at) => sent !== before.types[at]?.sent);
    expect(changed.map(({ typeUrl }) => typeUrl)).toEqual([
      'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
    ]);
    expect(await responses(envoy)).toEqual(taken);
    await envoy.expectShare(1);
  });
});

describe('a proxy with a malformed node id', () => {
  it('is refused alone, with the reason', async () => {
    const server = await stage.serve();
    const good = await stage.envoy(server);
    const bad = await stage.envoy(server, 'sidecar~nowhere~web-2.demo~demo.svc.cluster.local');
    await good.ready;
    // grpc-js escapes the spaces of a status message, and Envoy logs it as it came.
    const told = async () =>
      /%22nowhere%22.*no(%20| )IP(%20| )address|"nowhere".*no IP address/.test(await bad.log());
    await expect.poll(told, { timeout: 60_000 }).toBe(true);

    await stage.mesh.write('mesh/routes.yaml', routesYaml(100));
    await stage.mesh.push('all', 'alice');
    await served(server, await stage.mesh.approve(), good);
    await good.expectShare(1);
    const proxies = await eventually(server, '/api/v1/proxies', () => true);
    expect(proxies).toMatchObject({ total: 1, items: [{ proxy: NODE_ID }] });
    expect(await responses(bad)).toEqual({ cds: 0, lds: 0 });
  });
});

describe('a resource that Envoy rejects', () => {
  it('is shown with file and line while traffic goes on', async () => {
    const taken = createTcpServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    try {
      const server = await stage.serve();
      const envoy = await stage.envoy(server);
      await envoy.ready;
      const { port } = taken.address() as AddressInfo;
      await stage.mesh.write('mesh/ledger.yaml', `# A port that is taken.\n${tcpYaml(port)}`);
      await stage.mesh.push('ledger', 'alice');
      await stage.mesh.approve();
      await fetch(`http://127.0.0.1:${server.httpPort}/hooks/v1/generic/mesh`, { method: 'POST' });
      const { rejected, types } = await proxyWhen(server, NODE_ID, (proxy) => proxy.rejected.length > 0);
      expect(rejected).toMatchObject([
        { typeUrl: LISTENER, name: `127.0.0.1_${port}`, sources: [{ file: 'ledger.yaml', line: 2 }] },
      ]);
      expect(rejected[0]?.message).toContain('cannot bind');
      expect(types.find(({ typeUrl }) => typeUrl === LISTENER)?.state).toBe('ERROR');
      await envoy.expectShare(0.1);
    } finally {
      taken.close();
    }
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Server } from '../../src/main.ts';
import { routesYaml } from './mesh.ts';
import { createStage, type Envoy, eventually, type Stage, served, serving } from './stage.ts';

type Scopes = {
  readonly items: readonly {
    readonly seq: number;
    readonly sync: string;
    readonly verified: { readonly ok: boolean; readonly reason?: string };
  }[];
};

let stage: Stage;
let server: Server;
let envoy: Envoy;

beforeEach(async () => {
  stage = await createStage();
  server = await stage.serve();
  envoy = await stage.envoy(server);
  await envoy.ready;
});
afterEach(() => stage?.close());

const scope = async () => (await eventually<Scopes>(server, '/api/v1/scopes', () => true)).items[0];

describe('traffic through a real Envoy', () => {
  it('moves when a quorum has signed', async () => {
    await envoy.expectShare(0.1);
    await stage.mesh.write('mesh/routes.yaml', routesYaml(50));
    await stage.mesh.push('half', 'alice');
    await served(server, await stage.mesh.approve(), envoy);
    await envoy.expectShare(0.5);
    expect(await scope()).toMatchObject({ seq: 2, sync: 'Synced', verified: { ok: true } });
  });

  it('stays when nobody has signed', async () => {
    await stage.mesh.write('mesh/routes.yaml', routesYaml(100));
    await serving(server, await stage.mesh.push('all'));
    const held = await scope();
    expect(held).toMatchObject({ seq: 1, sync: 'Held', verified: { ok: false } });
    expect(held?.verified.reason).toContain('0 of 2: nobody signed; alice and bo missing');
    await envoy.expectShare(0.1);
  });

  it('stays when one of two has signed, and moves when the other does', async () => {
    await stage.mesh.write('mesh/routes.yaml', routesYaml(100));
    await serving(server, await stage.mesh.push('all', 'alice'));
    const held = await scope();
    expect(held).toMatchObject({ seq: 1, sync: 'Held', verified: { ok: false } });
    expect(held?.verified.reason).toContain('1 of 2: alice signed; bo missing');
    await envoy.expectShare(0.1);
    await served(server, await stage.mesh.approve(), envoy);
    await envoy.expectShare(1);
  });
});

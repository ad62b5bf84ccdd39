import { join } from 'node:path';
import { expect, test } from 'vitest';
import { service, workload } from '../mesh/manifests.ts';
import { createNetworkStage } from '../network/stage.ts';

const application = join(import.meta.dirname, '../network/application.ts');
const meshConfig = (mode: string) =>
  `apiVersion: mesh.istio.io/v1alpha1\nkind: MeshConfig\nmetadata: {name: mesh}\nspec: {inboundTrafficPolicy: {mode: ${mode}}}\n---\n`;

test('inboundTrafficPolicy: LOCALHOST reaches an application that listens at the loopback alone', async () => {
  const stage = await createNetworkStage();
  try {
    const server = await stage.network.host('server');
    const outsider = await stage.network.host('outsider');
    const manifests = (mode: string) =>
      service('echo', 'demo', ', clusterIP: 10.96.0.10') +
      workload('echo-1', 'demo', server.address, 'app: echo', ', ports: {http: 8081}') +
      meshConfig(mode);
    const control = await stage.serve(manifests('LOCALHOST'));
    const args = [application, 'http', '127.0.0.1', '8081', 'near'];
    const log = '/dev/null';
    await server.start({ program: process.execPath, args, ready: /^listening$/, log });
    await server.redirect();
    const metadata = { FAIRLEAD: { capture: 'redirect' }, INSTANCE_IPS: server.address };
    await stage.envoy(control, server, { name: 'server-1', namespace: 'demo', metadata });
    const url = `http://${server.address}:8081/`;
    expect(await outsider.get(url)).toEqual(['200 near 127.0.0.1']);
    await stage.change(control, manifests('PASSTHROUGH'));
    expect((await outsider.get(url))[0]).toMatch(/^503/);
  } finally {
    await stage.close();
  }
});

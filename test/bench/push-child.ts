/** Fairlead's server over a mesh of many services, one scope each; `POST /flip` edits one weight. Prints its ports as JSON. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Log } from '../../src/base/log.ts';
import type { ScopeResources } from '../../src/manifests/index.ts';
import { createStages } from '../../src/pipeline.ts';
import { createServed } from '../../src/reconcile/index.ts';
import { createXdsServer } from '../../src/xds/index.ts';
import { scope } from '../mesh/world.ts';
import { scopeName } from './history.ts';

process.on('SIGINT', () => process.exit(0));
const services = Number(process.argv[2] ?? '100');
const quiet: Log = { info() {}, warn() {}, error() {} };
const now = () => performance.now();
const served = createServed(createStages(), now);
const xds = createXdsServer({ snapshotFor: served.snapshotFor, log: quiet, now, removalTimeoutMs: 30_000 });

/** As the peer's: two endpoints, and a share for the next service. */
function service(index: number, weight: number): ScopeResources {
  const [name, next] = [scopeName(index), scopeName((index + 1) % services)];
  const port = 20_000 + (index % 20_000);
  const endpoint = (last: number) => `---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: app-${last}, namespace: ${name}, labels: { app: app } }
spec: { address: 127.0.0.${last}, ports: { http: ${port} } }
`;
  const files = `apiVersion: v1
kind: Service
metadata: { name: app, namespace: ${name} }
spec: { selector: { app: app }, ports: [{ name: http, port: 80, targetPort: http }] }
${endpoint(2)}${endpoint(3)}---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: app, namespace: ${name} }
spec:
  hosts: [app]
  http:
    - route:
        - { destination: { host: app }, weight: ${100 - weight} }
        - { destination: { host: app.${next}.svc.cluster.local }, weight: ${weight} }
`;
  return scope({ path: `bench.${name}`, namespaces: [name], hosts: [], files });
}

const scopes = Array.from({ length: services }, (_, index) => service(index, 1));
let revision = 1;

/** From the edited manifest to the streams: read, build, translate, publish. */
function publish(): void {
  served.replace('mesh', scopes);
  xds.publish(String(revision));
}

publish();
const xdsPort = await xds.listen('127.0.0.1', 0);
const admin = createServer((_request, response) => {
  revision += 1;
  scopes[0] = service(0, (revision % 90) + 5);
  publish();
  response.end('{}\n');
});
admin.listen(0, '127.0.0.1', () => {
  const { port } = admin.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ xdsPort, adminPort: port })}\n`);
});

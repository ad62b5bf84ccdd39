import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { service, workload } from '../mesh/manifests.ts';
import { run } from './running.ts';
import { proxyAt, snapshotOf } from './world.ts';

/** Shares of the requests for a Service, as Linkerd and GAMMA have them written, by a real Envoy. */

const split = (version: string, parent: string) => `apiVersion: gateway.networking.k8s.io/${version}
kind: HTTPRoute
metadata:
  name: reviews-split
  namespace: production
  annotations:
    linkerd.io/inject: enabled
spec:
  parentRefs:
    - name: reviews
      kind: Service
${parent}
  rules:
    - backendRefs:
        - name: reviews-v1
          port: 80
          weight: 90
        - name: reviews-v2
          port: 80
          weight: 10
---
`;

test.each([
  ['v1beta1', '      group: core'],
  ['v1', '      group: ""\n      port: 80'],
])('%s: nine of ten requests of a client go to the first version', async (version, parent) => {
  await using open = new AsyncDisposableStack();
  const versions = await Promise.all(
    ['reviews-v1', 'reviews-v2'].map(async (name) => {
      const server = createServer((_, response) => response.end(name)).listen(0, '127.0.0.1');
      await once(server, 'listening');
      open.defer(() => void server.close());
      const { port } = server.address() as AddressInfo;
      const ports = `, ports: {http: ${port}}`;
      return service(name, 'production') + workload(name, 'production', '127.0.0.1', `app: ${name}`, ports);
    }),
  );
  const files = [service('reviews', 'production'), ...versions, split(version, parent)].join('');
  const [httpProxyPort = 0] = await freePorts(1);
  const client = proxyAt('10.0.0.1', 'production', { FAIRLEAD: { httpProxyPort } });
  const running = await run(snapshotOf(client, { path: 'acme', files }), httpProxyPort);
  open.defer(() => running.close());
  let first = 0;
  for (let count = 0; count < 1000; count += 1) {
    const { body } = await running.ask('reviews.production.svc.cluster.local');
    if (body === 'reviews-v1') first += 1;
  }
  expect(first).toBeGreaterThan(850);
  expect(first).toBeLessThan(950);
});

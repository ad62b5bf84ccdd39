import type { ScopeResources } from '../../src/manifests/index.ts';
import { scope } from '../mesh/world.ts';
import { scopeName } from './history.ts';

/** What one scope of the mesh says, as far as scenarios change it. */
export type Said = {
  /** Share of the next scope's service, in percent. */
  readonly weight: number;
  readonly subsets: readonly string[];
  /** Last parts of the addresses of its workloads; the even ones are of `v1`, the odd ones of `v2`. */
  readonly workloads: readonly number[];
  readonly maxConnections: number;
  /** A label of the Service, which no proxy hears of. */
  readonly label: string;
};

const first: Said = {
  weight: 1,
  subsets: ['v1', 'v2'],
  workloads: [2, 3],
  maxConnections: 1_000,
  label: 'a',
};

/** A mesh of scopes with a service each, of two subsets, whose routes give a share to the next one. */
export interface Shop {
  readonly scopes: readonly ScopeResources[];
  /** Reads the scope again, with these words changed. */
  edit(index: number, change: (said: Said) => Partial<Said>): void;
}

export function openShop(services: number): Shop {
  const said: Said[] = Array.from({ length: services }, () => first);
  const scopes = said.map((each, index) => read(index, services, each, null));
  return {
    scopes,
    edit(index, change) {
      const now = { ...(said[index] ?? first), ...change(said[index] ?? first) };
      said[index] = now;
      scopes[index] = read(index, services, now, scopes[index] ?? null);
    },
  };
}

function read(index: number, services: number, said: Said, before: ScopeResources | null): ScopeResources {
  const path = `bench.${scopeName(index)}`;
  const files = filesOf(index, services, said);
  return scope({ path, namespaces: [scopeName(index)], hosts: [], files }, before);
}

/** A file for each kind, as people write them. */
function filesOf(index: number, services: number, said: Said): Readonly<Record<string, string>> {
  const [namespace, next] = [scopeName(index), scopeName((index + 1) % services)];
  const { weight, subsets, workloads, maxConnections, label } = said;
  const metadata = `metadata: { name: app, namespace: ${namespace} }`;
  const port = 20_000 + (index % 20_000);
  const listed = subsets.map((name) => `{ name: ${name}, labels: { version: ${name} } }`);
  const entries = workloads.map(
    (last) => `apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: app-${last}, namespace: ${namespace}, labels: { app: app, version: v${1 + (last % 2)} } }
spec: { address: 127.0.0.${last}, ports: { http: ${port} } }
`,
  );
  return {
    'service.yaml': `apiVersion: v1
kind: Service
metadata: { name: app, namespace: ${namespace}, labels: { tier: ${label} } }
spec: { selector: { app: app }, ports: [{ name: http, port: 80, targetPort: http }] }
`,
    'workloads.yaml': entries.join('---\n'),
    'policy.yaml': `apiVersion: networking.istio.io/v1
kind: DestinationRule
${metadata}
spec:
  host: app
  trafficPolicy: { connectionPool: { tcp: { maxConnections: ${maxConnections} } } }
  subsets: [${listed.join(', ')}]
`,
    'routes.yaml': `apiVersion: networking.istio.io/v1
kind: VirtualService
${metadata}
spec:
  hosts: [app]
  http:
    - route:
        - { destination: { host: app, subset: v1 }, weight: ${100 - weight} }
        - { destination: { host: app.${next}.svc.cluster.local, subset: v2 }, weight: ${weight} }
`,
  };
}

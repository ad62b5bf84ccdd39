import type { SessionStatus } from './status.ts';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from './types.ts';

/** A gRPC service of xDS, which serves one type or, aggregated, all of them. */
export type XdsService = {
  readonly service: SessionStatus['service'];
  /** Full name. */
  readonly name: string;
  /** `null`: every request says its type. */
  readonly typeUrl: string | null;
  /** Names of the two streaming methods. The unary `Fetch…` ones are not served. */
  readonly methods: { readonly sotw: string; readonly delta: string };
};

const perType = (
  service: XdsService['service'],
  kind: string,
  plural: string,
  typeUrl: string,
): XdsService => ({
  service,
  name: `envoy.service.${kind.toLowerCase()}.v3.${kind}DiscoveryService`,
  typeUrl,
  methods: { sotw: `Stream${plural}`, delta: `Delta${plural}` },
});

export const XDS_SERVICES: readonly XdsService[] = [
  {
    service: 'ADS',
    name: 'envoy.service.discovery.v3.AggregatedDiscoveryService',
    typeUrl: null,
    methods: { sotw: 'StreamAggregatedResources', delta: 'DeltaAggregatedResources' },
  },
  perType('CDS', 'Cluster', 'Clusters', CLUSTER),
  perType('EDS', 'Endpoint', 'Endpoints', ENDPOINT),
  perType('LDS', 'Listener', 'Listeners', LISTENER),
  perType('RDS', 'Route', 'Routes', ROUTE),
];

import type { MeshConfigSpec } from '../manifests/index.ts';
import { noPolicy } from './habits.ts';
import { readConnections, readEjection, readKeepAlive } from './policies.ts';
import type { ClientSecurity, Connections, Ejection, KeepAlive, TrafficPolicy } from './policy-types.ts';
import type { Port, Service, Settings } from './types.ts';

/** How the clients of a scope treat services where no rule says otherwise. Null: the default. */
export type ClientDefaults = {
  readonly connections: Connections | null;
  readonly ejection: Ejection | null;
  /** What of it a policy leaves out. */
  readonly keepAlive: KeepAlive | null;
  /** What is spoken to services that declare HTTP/1.1. */
  readonly speak: 'declared' | 'http2';
  /** What of a server's certificate is checked of which a policy says nothing. */
  readonly checks: 'everything' | 'nothing';
};

/** Null: all of it is as by default. */
export function readClientDefaults(spec: MeshConfigSpec): ClientDefaults | null {
  const { tcpKeepalive, h2UpgradePolicy, verifyCertificateAtClient = true, defaultTrafficPolicy } = spec;
  const { connectionPool, outlierDetection } = defaultTrafficPolicy ?? {};
  const isUpgraded = h2UpgradePolicy === 'UPGRADE';
  const said = [tcpKeepalive, connectionPool, outlierDetection].some((part) => part !== undefined);
  if (!said && !isUpgraded && verifyCertificateAtClient) return null;
  return {
    connections: connectionPool === undefined ? null : readConnections(connectionPool),
    ejection: outlierDetection === undefined ? null : readEjection(outlierDetection),
    keepAlive: tcpKeepalive === undefined ? null : readKeepAlive(tcpKeepalive),
    speak: isUpgraded ? 'http2' : 'declared',
    checks: verifyCertificateAtClient ? 'everything' : 'nothing',
  };
}

/** By what the defaults say: the same object for all clients of whom that is true. */
const made = new WeakMap<Service, Map<string, Service>>();

/** A service as those clients treat it who already treat it by their rules. */
export function withDefaults(service: Service, { clients }: Pick<Settings, 'clients'>): Service {
  if (clients === null) return service;
  const byDefaults = made.get(service) ?? new Map<string, Service>();
  made.set(service, byDefaults);
  const key = textOf(clients);
  const known = byDefaults.get(key);
  if (known !== undefined) return known;
  const policies = (own: readonly TrafficPolicy[]) =>
    service.ports.map((port) => {
      const policy = own.find(({ port: number }) => number === port.number);
      return completed(policy ?? { ...noPolicy, port: port.number }, port, clients);
    });
  const fresh = {
    ...service,
    policies: policies(service.policies),
    subsets: service.subsets.map((subset) => ({ ...subset, policies: policies(subset.policies) })),
  };
  byDefaults.set(key, fresh);
  return fresh;
}

const texts = new WeakMap<ClientDefaults, string>();

function textOf(defaults: ClientDefaults): string {
  const text = texts.get(defaults) ?? JSON.stringify(defaults);
  texts.set(defaults, text);
  return text;
}

function completed(policy: TrafficPolicy, port: Port, defaults: ClientDefaults): TrafficPolicy {
  return {
    ...policy,
    connections: connectionsOf(policy.connections ?? defaults.connections, port, defaults),
    ejection: policy.ejection ?? defaults.ejection,
    security: defaults.checks === 'everything' ? policy.security : unchecked(policy.security),
  };
}

function connectionsOf(
  connections: Connections | null,
  { protocol }: Port,
  { keepAlive, speak }: ClientDefaults,
): Connections | null {
  const isUpgraded = speak === 'http2' && protocol === 'http' && (connections?.speak ?? null) === null;
  if (keepAlive === null && !isUpgraded) return connections;
  const base = connections ?? readConnections({});
  const own = base.keepAlive;
  return {
    ...base,
    speak: isUpgraded ? 'http2' : base.speak,
    keepAlive:
      keepAlive === null
        ? own
        : {
            probes: own?.probes ?? keepAlive.probes ?? null,
            timeSeconds: own?.timeSeconds ?? keepAlive.timeSeconds ?? null,
            intervalSeconds: own?.intervalSeconds ?? keepAlive.intervalSeconds ?? null,
          },
  };
}

function unchecked(security: ClientSecurity | null): ClientSecurity | null {
  const trusts = security?.trusts ?? null;
  if (security === null || trusts === null || (trusts.names?.length ?? 0) > 0) return security;
  return { ...security, trusts: trusts.authorities === null ? null : { ...trusts, names: null } };
}

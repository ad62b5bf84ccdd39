import { isDeepStrictEqual } from 'node:util';
import type { Problem } from '../base/problem.ts';
import { durationMs, type Resource, type ScopeResources } from '../manifests/index.ts';
import { readClientDefaults } from './client-defaults.ts';
import { readManners } from './manners.ts';
import { mistake, placesOf } from './mistake.ts';
import { readReporters } from './reporters.ts';
import { readRetries } from './routing-rule.ts';
import { readTravel } from './travel.ts';
import type { Settings } from './types.ts';

/** Istio's, where nobody says anything. */
export const defaultSettings: Settings = {
  rootNamespace: 'istio-system',
  unknown: 'pass',
  connectTimeoutMs: 10_000,
  dnsRefreshMs: 60_000,
  clients: null,
  applications: 'as-asked',
  manners: readManners({}),
  tls: { minVersion: null, ciphers: [], curves: [] },
  exportTo: { services: ['*'], routings: ['*'], rules: ['*'] },
  retries: null,
  travel: null,
  detectionMs: 0,
  reports: readReporters({}),
};

/** A scope that is the same object says the same. */
const read = new WeakMap<readonly Resource[], Settings | null>();

/** What a scope says for itself and those below it that say nothing; null: nothing, or twice (FL3351). */
function settingsOf({ resources }: ScopeResources): Settings | null {
  const known = read.get(resources);
  if (known !== undefined) return known;
  const settings = readSettings(resources);
  read.set(resources, settings);
  return settings;
}

function readSettings(resources: readonly Resource[]): Settings | null {
  const [config, ...others] = resources.filter((resource) => resource.kind === 'MeshConfig');
  if (config === undefined || others.length > 0) return null;
  const { rootNamespace, outboundTrafficPolicy: outbound, connectTimeout, ...spec } = config.spec;
  const { defaultHttpRetryPolicy: retries, localityLbSetting: locality, protocolDetectionTimeout } = spec;
  const all = defaultSettings;
  return {
    rootNamespace: rootNamespace ?? all.rootNamespace,
    unknown: outbound === undefined ? 'pass' : outcomes[outbound.mode ?? 'REGISTRY_ONLY'],
    connectTimeoutMs: connectTimeout === undefined ? all.connectTimeoutMs : durationMs(connectTimeout),
    dnsRefreshMs: spec.dnsRefreshRate === undefined ? all.dnsRefreshMs : durationMs(spec.dnsRefreshRate),
    clients: readClientDefaults(spec),
    applications: spec.inboundTrafficPolicy?.mode === 'LOCALHOST' ? 'loopback' : 'as-asked',
    manners: readManners(spec),
    tls: {
      minVersion: tlsVersions[spec.tlsDefaults?.minProtocolVersion ?? 'TLS_AUTO'],
      ciphers: [...new Set(spec.tlsDefaults?.cipherSuites)],
      curves: [...new Set(spec.tlsDefaults?.ecdhCurves)],
    },
    exportTo: {
      services: spec.defaultServiceExportTo ?? all.exportTo.services,
      routings: spec.defaultVirtualServiceExportTo ?? all.exportTo.routings,
      rules: spec.defaultDestinationRuleExportTo ?? all.exportTo.rules,
    },
    retries: retries === undefined ? null : readRetries(retries),
    travel: locality === undefined ? null : readTravel(locality),
    detectionMs: protocolDetectionTimeout === undefined ? 0 : durationMs(protocolDetectionTimeout),
    reports: readReporters(spec),
  };
}

const tlsVersions = { TLS_AUTO: null, TLSV1_2: '1.2', TLSV1_3: '1.3' } as const;

/** Istio's first value is the default of the field. */
const outcomes = {
  REGISTRY_ONLY: 'refuse',
  ALLOW_ANY: 'pass',
  ALLOW_ANY_DYNAMIC_DNS: 'look-up',
} as const satisfies Record<string, Settings['unknown']>;

/** Two of one scope: neither is honoured. */
export function rivalSettings(resources: readonly Resource[]): readonly Problem[] {
  const all = resources.filter((resource) => resource.kind === 'MeshConfig');
  if (all.length < 2) return [];
  return all.map((resource) => {
    const places = placesOf(all.filter((other) => other !== resource).map(({ source }) => source));
    const message = `${resource.source.scope} has a MeshConfig at ${places}, too`;
    return mistake(resource, [], 'FL3351', message);
  });
}

export function sameSettings(left: ScopeResources, right: ScopeResources): boolean {
  return isDeepStrictEqual(settingsOf(left), settingsOf(right));
}

/** What holds for a scope: what it says, else what the nearest scope above it says, else `otherwise`. `line`: itself, and those above. */
export function inherited(line: readonly ScopeResources[], otherwise: Settings): Settings {
  for (const one of line) {
    const settings = settingsOf(one);
    if (settings !== null) return settings;
  }
  return otherwise;
}

import {
  type ConnectionSettings,
  type MeshConfigManifest,
  type MeshConfigSpec,
  validateMeshConfig,
} from '../../generated/schemas/index.ts';
import { durationMs } from '../duration.ts';
import type { Finding } from '../finding.ts';
import { schemaFindings } from '../schema-findings.ts';
import { readText } from '../text.ts';
import type { Path } from '../types.ts';
import { asidesOf, notOurs } from './asides.ts';
import { checkDurations } from './durations.ts';
import { checkRetries } from './http-action.ts';
import { defineKind, type Fitting, type Kind } from './kind.ts';
import { checkLocality } from './locality.ts';
import { checkProviders, collectorOf } from './providers.ts';
import { checkTags } from './telemetry.ts';
import { checkEjection, checkKeepalive, checkPool } from './traffic-policy.ts';

/** What is said for a whole mesh, in a manifest of its own. */
export const meshConfig = defineKind({
  name: 'MeshConfig',
  apiVersions: ['mesh.istio.io/v1alpha1'],
  validate: validateMeshConfig,
  check: ({ spec }: MeshConfigManifest) => check(spec, ['spec']),
  resource: ({ spec }, about) => ({ ...about, kind: 'MeshConfig', spec }),
});

/** The ConfigMap `istio`: a MeshConfig as a text. */
export const configMap: Kind = {
  name: 'ConfigMap',
  apiVersions: ['v1'],
  schema: 'MeshConfig',
  isClusterWide: false,
  read(document) {
    const { metadata, data } = document as { metadata?: unknown; data: { mesh: string } };
    const at: Path = ['data', 'mesh'];
    const about = metadataOf(metadata) ?? { name: 'mesh' };
    const text = readText(new TextEncoder().encode(data.mesh), 'yaml');
    const [problem] = text.problems;
    if (problem !== undefined) {
      return unread(about, { code: problem.code, message: `in data.mesh: ${problem.message}`, path: at });
    }
    const spec = text.documents[0]?.value ?? {};
    const read = within(about, spec, at, () => at);
    const others = Object.keys(data).filter((key) => key !== 'mesh');
    return { ...read, findings: [...read.findings, ...others.map((key) => notOurs(key, ['data', key]))] };
  },
};

/** An IstioOperator: its MeshConfig counts, what it installs does not. Without one it says nothing to proxies. */
export const istioOperator: Kind = {
  name: 'IstioOperator',
  apiVersions: ['install.istio.io/v1alpha1'],
  schema: 'MeshConfig',
  isClusterWide: false,
  read(document) {
    const { metadata, spec } = document as { metadata?: unknown; spec?: Readonly<Record<string, unknown>> };
    const { meshConfig: config, ...others } = spec ?? {};
    const at: Path = ['spec', 'meshConfig'];
    const about = metadataOf(metadata) ?? { name: 'mesh' };
    const installed = Object.keys(others).map((field) => notOurs(field, ['spec', field]));
    if (config === undefined)
      return {
        metadata: about,
        findings: installed,
        resource: (facts) => ({ ...facts, kind: 'IstioOperator', spec: null }),
      };
    const read = within(about, config, at, (path) => [...at, ...path]);
    return { ...read, findings: [...read.findings, ...installed] };
  },
};

type Metadata = Fitting['metadata'];

/** Of an object that other tools read, too, only the name and the namespace are of interest here. */
function metadataOf(metadata: unknown): Metadata | null {
  const { name, namespace } = (metadata ?? {}) as { name?: unknown; namespace?: unknown };
  if (typeof name !== 'string') return null;
  return { name, ...(typeof namespace === 'string' ? { namespace } : {}) };
}

/** A MeshConfig inside another object; `placed` says where in it something stands. */
function within(metadata: Metadata, spec: unknown, at: Path, placed: (path: Path) => Path): Fitting {
  const { apiVersions, name } = meshConfig;
  const document = { apiVersion: apiVersions[0], kind: name, metadata: { name: 'mesh' }, spec };
  const errors = validateMeshConfig(document) ? [] : (validateMeshConfig.errors ?? []);
  const wrong = schemaFindings(name, document, errors);
  const findings = wrong.length > 0 ? wrong : [...check(spec as MeshConfigSpec, ['spec'])];
  return {
    metadata,
    findings: findings.map((finding) => ({ ...finding, path: placed(finding.path.slice(1)) })),
    resource: (about) => ({
      ...about,
      kind: 'MeshConfig',
      spec: spec as MeshConfigSpec,
      at: () => about.at(at),
    }),
  };
}

function unread(metadata: Metadata, finding: Finding): Fitting {
  return {
    metadata,
    findings: [finding],
    resource: (about) => ({ ...about, kind: 'MeshConfig', spec: {} }),
  };
}

function* check(spec: MeshConfigSpec, path: Path): Generator<Finding> {
  const { connectTimeout, protocolDetectionTimeout, tcpKeepalive, defaultTrafficPolicy, ...more } = spec;
  yield* checkDurations({ connectTimeout, protocolDetectionTimeout }, path, {
    protocolDetectionTimeout: 'or-zero',
  });
  yield* checkRefreshRate(more.dnsRefreshRate, path);
  yield* checkKeepalive(tcpKeepalive, [...path, 'tcpKeepalive']);
  const { connectionPool, outlierDetection } = defaultTrafficPolicy ?? {};
  const inside = [...path, 'defaultTrafficPolicy'];
  if (connectionPool !== undefined) yield* checkPool(connectionPool, [...inside, 'connectionPool']);
  if (outlierDetection !== undefined) yield* checkEjection(outlierDetection, [...inside, 'outlierDetection']);
  yield* checkRetries(spec.defaultHttpRetryPolicy, [...path, 'defaultHttpRetryPolicy']);
  if (spec.localityLbSetting !== undefined)
    yield* checkLocality(spec.localityLbSetting, [...path, 'localityLbSetting']);
  yield* checkProviders(spec, path);
  yield* checkProxies(spec.defaultConfig ?? {}, [...path, 'defaultConfig']);
  yield* asidesOf(meshConfig.name, { spec });
}

/** Envoy looks a name up again after more than a millisecond. */
function* checkRefreshRate(rate: string | undefined, path: Path): Generator<Finding> {
  yield* checkDurations({ dnsRefreshRate: rate }, path);
  if (rate === undefined || durationMs(rate) !== 1) return;
  yield { code: 'FL2110', message: `${rate} is not more than 1ms`, path: [...path, 'dnsRefreshRate'] };
}

function* checkProxies(config: NonNullable<MeshConfigSpec['defaultConfig']>, path: Path): Generator<Finding> {
  const { tracing = {}, connectionSettings = {} } = config;
  yield* checkConnections(connectionSettings, [...path, 'connectionSettings']);
  const at = [...path, 'tracing'];
  yield* checkTags(tracing.customTags, [...at, 'customTags']);
  const address = tracing.zipkin?.address;
  if (address !== undefined && collectorOf(address) === null) {
    const fix = 'write host:port of a service of the mesh, such as zipkin.istio-system:9411';
    yield {
      code: 'FL2208',
      message: `${address} is no host and port`,
      path: [...at, 'zipkin', 'address'],
      fix,
    };
  }
}

/** Of each, zero is no limit, or the default. */
function* checkConnections(settings: ConnectionSettings, path: Path): Generator<Finding> {
  const { httpIdleTimeout, httpMaxConnectionDuration, httpDrainTimeout, httpRequestTimeout } = settings;
  const { httpRequestHeadersTimeout, httpStreamIdleTimeout, httpMaxStreamDuration } = settings;
  const all = {
    ...{ httpIdleTimeout, httpMaxConnectionDuration, httpDrainTimeout, httpRequestTimeout },
    ...{ httpRequestHeadersTimeout, httpStreamIdleTimeout, httpMaxStreamDuration },
  };
  yield* checkDurations(all, path, Object.fromEntries(Object.keys(all).map((name) => [name, 'or-zero'])));
}

import { isIP } from 'node:net';
import { canonicalAddress } from '../mesh/index.ts';
import type { Proxy, ProxyXds } from './types.ts';

export type ParsedProxy =
  | { readonly ok: true; readonly proxy: Proxy }
  | { readonly ok: false; readonly reason: string };

const httpProxyPort = 15080;
const types = ['sidecar', 'router'] as const;
const captures = ['ports', 'redirect'] as const;
const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * A proxy out of its node id, `sidecar~IP~name.ns~ns.svc.cluster.local` or `router~…`, and metadata as plain JSON. The reason of a
 * refusal is for `INVALID_ARGUMENT`. Metadata can only repeat the namespace of the id, never change it.
 * `extensions`: what the node lists, by name; empty: it does not say. `locality` of the node gives way to Istio's label.
 */
export function parseProxy(
  nodeId: string,
  metadata: Readonly<Record<string, unknown>>,
  extensions: readonly string[] = [],
  locality = '',
): ParsedProxy {
  const [kind, writtenIp = '', id = '', dnsDomain = '', ...rest] = nodeId.split('~');
  const type = types.find((known) => known === kind);
  if (type === undefined || rest.length > 0 || dnsDomain === '') {
    return refuse(`node id ${quote(nodeId)} is neither sidecar~IP~name.namespace~domain nor router~…`);
  }
  if (isIP(writtenIp) === 0) return refuse(`${quote(writtenIp)} in the node id is no IP address`);
  const ip = canonicalAddress(writtenIp);
  const dot = id.lastIndexOf('.');
  const [name, namespace] = [id.slice(0, dot), id.slice(dot + 1)];
  if (dot < 1 || !label.test(namespace)) return refuse(`${quote(id)} in the node id is not name.namespace`);
  if (metadata.NAMESPACE !== undefined && metadata.NAMESPACE !== namespace) {
    return refuse(`metadata NAMESPACE is not ${namespace}, as the node id says`);
  }
  const ips = readIps(ip, metadata.INSTANCE_IPS);
  if (ips === null)
    return refuse('metadata INSTANCE_IPS is not a list of IP addresses with commas between them');
  const capture = readCapture(type, metadata.FAIRLEAD);
  if (typeof capture === 'string') return refuse(capture);
  const xds = readXds(metadata.FAIRLEAD);
  if (typeof xds === 'string') return refuse(xds);
  const credentials = readCredentials(metadata.FAIRLEAD);
  if (credentials === undefined) return refuse('metadata FAIRLEAD.credentials is no absolute path');
  const node = typeof metadata.NODE_NAME === 'string' ? metadata.NODE_NAME : null;
  const serviceAccount = typeof metadata.SERVICE_ACCOUNT === 'string' ? metadata.SERVICE_ACCOUNT : null;
  const labels = readLabels(metadata.LABELS);
  if (labels === null) return refuse('metadata LABELS is not an object of texts');
  const identity = { id: nodeId, type, ip, ips, name, namespace, dnsDomain } as const;
  const about = {
    ...identity,
    labels,
    metadata: textsOf(metadata),
    locality: labelledLocality(labels) ?? locality,
    node,
    serviceAccount,
  };
  const known = extensions.length === 0 ? null : new Set(extensions);
  return { ok: true, proxy: { ...about, extensions: known, ...capture, credentials, xds } };
}

function readCapture(
  type: Proxy['type'],
  fairlead: unknown = {},
): Pick<Proxy, 'capture' | 'httpProxyPort'> | string {
  if (!isRecord(fairlead)) return 'metadata FAIRLEAD is not an object';
  const { capture: wanted, httpProxyPort: port = httpProxyPort } = fairlead;
  if (type === 'router') {
    return wanted === undefined
      ? { capture: 'none', httpProxyPort }
      : 'metadata FAIRLEAD.capture is not for a router: it captures nothing';
  }
  const capture = captures.find((known) => known === (wanted ?? 'ports'));
  if (capture === undefined) {
    return `metadata FAIRLEAD.capture ${quote(String(wanted))} is not supported: use ports or redirect`;
  }
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65535) {
    return 'metadata FAIRLEAD.httpProxyPort is not a port';
  }
  return { capture, httpProxyPort: port };
}

/** Null: it has none; undefined: that is no folder. */
function readCredentials(fairlead: unknown): string | null | undefined {
  const { credentials = null } = isRecord(fairlead) ? fairlead : {};
  if (credentials === null) return null;
  const isPath = typeof credentials === 'string' && /^\/[^\p{Cc}]{0,1024}$/u.test(credentials);
  return isPath ? credentials.replace(/\/+$/, '') : undefined;
}

function readXds(fairlead: unknown): ProxyXds | string {
  const { services = 'ads', protocol = 'delta' } = isRecord(fairlead) ? fairlead : {};
  if (services !== 'ads' && services !== 'per-type') {
    return `metadata FAIRLEAD.services ${quote(String(services))} is not supported: use ads or per-type`;
  }
  if (protocol !== 'delta' && protocol !== 'sotw') {
    return `metadata FAIRLEAD.protocol ${quote(String(protocol))} is not supported: use delta or sotw`;
  }
  return { services, protocol };
}

/** The address of the id, then the others as Istio writes them: `10.0.0.1,2001:db8::1`. */
function readIps(ip: string, others: unknown = ''): readonly string[] | null {
  if (typeof others !== 'string') return null;
  const ips = others.split(',').filter((text) => text !== '');
  return ips.every((text) => isIP(text) !== 0) ? [...new Set([ip, ...ips.map(canonicalAddress)])] : null;
}

function readLabels(labels: unknown): Readonly<Record<string, string>> | null {
  if (labels === undefined) return {};
  if (!isRecord(labels)) return null;
  const entries = Object.entries(labels).flatMap(([name, value]): readonly (readonly [string, string])[] => {
    return typeof value === 'string' ? [[name, value]] : [];
  });
  return entries.length === Object.keys(labels).length ? Object.fromEntries(entries) : null;
}

function textsOf(metadata: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(metadata).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** The label `istio-locality`; no label has a `/`, so that it has a `.` between its parts. */
function labelledLocality(labels: Readonly<Record<string, string>>): string | null {
  return labels['istio-locality']?.split(/[./]/).slice(0, 3).join('/') ?? null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(reason: string): ParsedProxy {
  return { ok: false, reason };
}

/** A text of the client's, cut and escaped so that it can stand in a log line. */
function quote(text: string): string {
  return JSON.stringify(text.length > 256 ? `${text.slice(0, 256)}…` : text);
}

import { isIP } from 'node:net';

const clusterSuffix = '.svc.cluster.local';

/** Host of a Kubernetes Service. */
export function serviceHost(name: string, namespace: string): string {
  return `${name}.${namespace}${clusterSuffix}`;
}

/**
 * A host as a rule names it, in full and lower case: a name without a dot is a service of the rule's namespace, any
 * other is what it says (Istio, "short names"); `reviews.prod` is not looked up in the namespace `prod`.
 */
export function resolveHost(host: string, namespace: string): string {
  const lower = host.toLowerCase();
  return lower.includes('.') || lower === '*' ? lower : serviceHost(lower, namespace);
}

/** Namespace that a host of the cluster stands in (`reviews.prod.svc.cluster.local`, `reviews.prod.svc`), or null. */
export function namespaceOfHost(host: string): string | null {
  return /(?:^|\.)([^.*]+)\.svc(?:\.cluster(?:\.local)?)?$/.exec(host)?.[1] ?? null;
}

/** Whether every host of pattern `inner` is one of `outer`: `*` covers all, `*.a` covers `b.a` and `*.b.a`, not `a`. */
export function covers(outer: string, inner: string): boolean {
  if (outer === inner) return true;
  if (outer === '*') return true;
  return outer.startsWith('*.') && inner.length > outer.length - 1 && inner.endsWith(outer.slice(1));
}

/** IP addresses and ranges of them as everybody writes them (RFC 5952), each once: one address, one text. */
export function canonicalAddresses(texts: readonly string[]): readonly string[] {
  return [...new Set(texts.map(canonicalAddress))];
}

export function canonicalAddress(text: string): string {
  const [address = '', bits] = text.split('/');
  const family = isIP(address);
  if (family === 0) return text;
  const whole = family === 6 ? shortest(address) : address;
  if (bits === undefined) return whole;
  const first =
    family === 6 ? firstOf(groupsOf(whole), 16, Number(bits)) : firstOf(octetsOf(whole), 8, Number(bits));
  return `${family === 6 ? shortest(first.map((group) => group.toString(16)).join(':')) : first.join('.')}/${bits}`;
}

function shortest(ipv6: string): string {
  return new URL(`http://[${ipv6}]`).hostname.slice(1, -1);
}

function octetsOf(ipv4: string): readonly number[] {
  return ipv4.split('.').map(Number);
}

/** The eight groups of an address in its shortest form. */
function groupsOf(ipv6: string): readonly number[] {
  const [head = [], tail = []] = ipv6.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const zeros = new Array<string>(8 - head.length - tail.length).fill('0');
  return [...head, ...zeros, ...tail].map((group) => Number.parseInt(group, 16));
}

/** The first address of a range: what stands behind its bits is zero. */
function firstOf(parts: readonly number[], width: number, bits: number): readonly number[] {
  return parts.map((part, index) => {
    const free = Math.min(Math.max((index + 1) * width - bits, 0), width);
    return Math.floor(part / 2 ** free) * 2 ** free;
  });
}

/** Whether the text is an IPv4 or IPv6 address. */
export function isIpAddress(text: string): boolean {
  return isIP(text) !== 0;
}

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

/** An IP address, or a range of them, as everybody writes it (RFC 5952): one address, one text. */
export function canonicalAddress(text: string): string {
  const [address = '', ...bits] = text.split('/');
  if (isIP(address) !== 6) return text;
  return [new URL(`http://[${address}]`).hostname.slice(1, -1), ...bits].join('/');
}

/** Whether the text is an IPv4 or IPv6 address. */
export function isIpAddress(text: string): boolean {
  return isIP(text) !== 0;
}

const label = '[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?';
const hostName = new RegExp(`^(?=.{1,253}$)${label}(\\.${label})*$`);
const octet = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const ipv4 = new RegExp(`^${octet}(\\.${octet}){3}$`);

/** Whether `text` is an IPv4 or IPv6 address (RFC 4291 text, without zone). */
export function isIp(text: string): boolean {
  return ipv4.test(text) || isIpv6(text);
}

/** Which kind of IP address `text` is; null: none. An IPv4 address in IPv6 notation is taken for neither. */
export function familyOf(text: string): 'IPv4' | 'IPv6' | null {
  if (ipv4.test(text)) return 'IPv4';
  return isIpv6(text) && !canonicalIpv6(text).startsWith('::ffff:') ? 'IPv6' : null;
}

/**
 * Whether an IP address means another machine to everybody, as an endpoint of Kubernetes has to: not unspecified,
 * loopback, link-local or link-local multicast.
 */
export function isReachable(address: string): boolean {
  if (ipv4.test(address)) return !/^(0\.0\.0\.0$|127\.|169\.254\.|224\.0\.0\.)/.test(address);
  return !/^(::1?$|fe[89ab][0-9a-f]:|ff02:)/.test(canonicalIpv6(address));
}

/** Whether an IP address is that of no machine at all: `0.0.0.0`, `::`. */
export function isUnspecified(address: string): boolean {
  return address === '0.0.0.0' || (isIpv6(address) && canonicalIpv6(address) === '::');
}

function canonicalIpv6(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

/** Whether `text` is a host name that is no IP address. */
export function isHostName(text: string): boolean {
  return hostName.test(text) && !/^[0-9.]+$/.test(text);
}

function isIpv6(text: string): boolean {
  const tail = /^(.*:)([0-9.]+)$/.exec(text);
  const hex = tail?.[2]?.includes('.') ? (ipv4.test(tail[2]) ? `${tail[1]}0:0` : '') : text;
  const halves = hex.split('::');
  if (halves.length > 2 || !hex.includes(':')) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const fits = halves.length === 2 ? groups.length <= 7 : groups.length === 8;
  return fits && groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group));
}

import { Failure } from '../../base/failure.ts';
import { nearest } from '../../manifests/index.ts';
import { readItems } from '../server-client.ts';
import { at, isFields, kindOf, listAt, type Place, type ProxyResource, textAt } from './resource.ts';

/** `web-1.shop` of a node id such as `sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local`. */
export function shortName(proxy: string): string {
  return proxy.split('~')[2] ?? proxy;
}

/**
 * The node id that `wanted` means: a whole id, `name.namespace`, or the beginning of one. Throws Failure proxy-unknown
 * with the nearest name, or proxy-ambiguous with those that fit.
 */
export function findProxy(proxies: readonly string[], wanted: string): string {
  const ids = [...new Set(proxies)];
  const exact = ids.filter((id) => id === wanted || shortName(id) === wanted);
  const fitting = exact.length > 0 ? exact : ids.filter((id) => shortName(id).startsWith(wanted));
  const [only, second] = fitting;
  if (only !== undefined && second === undefined) return only;
  const names = ids.map(shortName);
  if (only === undefined) {
    const meant = nearest(wanted, [...names, ...names.map((name) => name.split('.')[0] ?? '')]);
    const fix = meant === null ? 'fairlead proxy-status lists those connected' : `did you mean ${meant}?`;
    throw new Failure('proxy-unknown', `no proxy ${wanted} is connected`, fix);
  }
  const some = exact.length > 0 ? fitting : fitting.map(shortName);
  const shown = `${some.slice(0, 5).join(', ')}${some.length > 5 ? ` and ${some.length - 5} more` : ''}`;
  throw new Failure('proxy-ambiguous', `${wanted} may be ${shown}`, 'write more of the name');
}

export type Served = { readonly proxy: string; readonly resources: readonly ProxyResource[] };

/** What a server sends to a proxy, and what became of it. */
export async function fetchConfig(server: string, wanted: string): Promise<Served> {
  const proxies = (await readItems(server, 'api/v1/proxies')).flatMap((item) => textAt(item, 'proxy') ?? []);
  const proxy = findProxy(proxies, wanted);
  const items = await readItems(server, `api/v1/proxies/${encodeURIComponent(proxy)}/config`);
  return { proxy, resources: items.flatMap(asResource) };
}

/** Types that this version has no table for are left out. */
function asResource(item: unknown): readonly ProxyResource[] {
  const kind = kindOf(textAt(item, 'typeUrl'));
  const resource = at(item, 'resource');
  if (kind === null || !isFields(resource)) return [];
  const text = (field: string) => textAt(item, field) ?? '';
  const facts = { name: text('name'), state: text('state'), version: text('version') };
  return [{ kind, ...facts, message: textAt(item, 'message'), sources: placesOf(item), resource }];
}

function placesOf(item: unknown): readonly Place[] {
  return listAt(item, 'sources').map(placeOf);
}

export function placeOf(source: unknown): Place {
  return {
    scope: textAt(source, 'scope') ?? '',
    document: textAt(source, 'document') ?? '',
    file: textAt(source, 'file') ?? '',
    line: Number(at(source, 'line')),
    column: Number(at(source, 'column')),
  };
}

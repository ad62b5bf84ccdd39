import { byCodeUnit } from '../base/order.ts';
import type { HeaderOperations } from '../manifests/index.ts';
import type { Header, HeaderChanges } from './types.ts';

/** What a VirtualService does to headers; `askedHost` is the host where a request's `:authority` or `host` is set. */
export type ReadHeaders = {
  readonly requestHeaders: HeaderChanges;
  readonly responseHeaders: HeaderChanges;
  readonly askedHost: string | null;
};

export function readHeaders({ request, response }: HeaderOperations = {}): ReadHeaders {
  const all = changes(request);
  const host = all.set.find(isHost);
  return {
    requestHeaders: { ...all, set: all.set.filter((header) => !isHost(header)) },
    responseHeaders: changes(response),
    askedHost: host?.value ?? null,
  };
}

function changes({ set = {}, add = {}, remove = [] }: NonNullable<HeaderOperations['request']> = {}) {
  return { set: headers(set), add: headers(add), remove: remove.map((name) => name.toLowerCase()) };
}

/** By name; `%%` is a percent sign, as Istio's users know it from Envoy. */
function headers(values: Readonly<Record<string, string>>): readonly Header[] {
  const read = Object.entries(values).map(([name, value]) => {
    return { name: name.toLowerCase(), value: value.replaceAll('%%', '%') };
  });
  return read.sort((left, right) => byCodeUnit(left.name, right.name));
}

function isHost({ name }: Header): boolean {
  return name === ':authority' || name === 'host';
}

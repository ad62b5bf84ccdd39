import { managerOf } from './amend-listeners.ts';
import { type Draft, encode } from './encode.ts';
import type { Fields } from './merge-message.ts';
import { CLUSTER, ENDPOINTS, LISTENER, ROUTES } from './types.ts';

type All = { readonly drafts: readonly Draft[]; readonly names: ReadonlySet<string> };

/**
 * Why an Envoy could not take changed drafts, or would wait for ever for what they name; null: as far as can be told here,
 * it could. What is not changed is as good as it was.
 */
export function flawOf(drafts: readonly Draft[]): string | null {
  const names = new Set<string>();
  for (const { typeUrl, name } of drafts) {
    const key = `${typeUrl} ${name}`;
    if (names.has(key)) return `there is a ${name} already`;
    names.add(key);
  }
  for (const draft of drafts) {
    const flaw =
      draft.types === 'any' ? (flaws[draft.typeUrl](draft, { drafts, names }) ?? unencodable(draft)) : null;
    if (flaw !== null) return `${draft.name}: ${flaw}`;
  }
  return null;
}

type Flaw = (draft: Draft, all: All) => string | null;

const flaws: Readonly<Record<Draft['typeUrl'], Flaw>> = {
  [CLUSTER]: ({ name, json }, { names }) => {
    if ((json as Fields).name !== name) return 'a change of the name, by which all that leads to it knows it';
    const missing = assignmentsOf(json as Fields).find((wanted) => !names.has(`${ENDPOINTS} ${wanted}`));
    return missing === undefined ? null : `nobody says what the endpoints ${missing} are`;
  },
  [ENDPOINTS]: () => null,
  [ROUTES]: ({ name, json }) => {
    if ((json as Fields).name !== name) return 'a change of the name, by which its listener asks for it';
    return tableFlaw(json as Fields);
  },
  [LISTENER]: listenerFlaw,
};

/** By what is encoded: of many attempts most have most of it. */
const encoded = new WeakMap<object, string | null>();

function unencodable(draft: Draft): string | null {
  const known = encoded.get(draft.json);
  const reason = known === undefined ? reasonAgainst(draft) : known;
  encoded.set(draft.json, reason);
  return reason;
}

function reasonAgainst(draft: Draft): string | null {
  try {
    encode(draft);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Names of the endpoints that a cluster asks for. */
export function assignmentsOf({ name, type, eds_cluster_config: config }: Fields): readonly string[] {
  if (type !== 'EDS' && type !== 3) return [];
  const { service_name } = (config ?? {}) as Fields;
  return [String(service_name ?? name)];
}

/** Envoy takes no table in which a domain stands twice. */
function tableFlaw({ virtual_hosts }: Fields): string | null {
  const hosts = itemsOf(virtual_hosts);
  const domains = hosts.flatMap((host) => (host.domains ?? []) as readonly string[]);
  return (
    twice(
      'virtual host',
      hosts.map(({ name }) => String(name)),
    ) ??
    twice(
      'domain',
      domains.map((domain) => domain.toLowerCase()),
    ) ??
    (hosts.some((host) => itemsOf(host.domains).length === 0) ? 'a virtual host without domains' : null)
  );
}

function listenerFlaw(draft: Draft, { drafts, names }: All): string | null {
  const { name, json } = draft;
  const listener = json as Fields;
  if (listener.name !== name) return 'a change of the name, by which Envoy knows it';
  const addresses = addressesOf(listener);
  if (addresses.length === 0 && listener.internal_listener === undefined) return 'it has no address';
  const rival = drafts.find((other) => {
    const isOther = other.typeUrl === LISTENER && other !== draft;
    return isOther && addressesOf(other.json as Fields).some((address) => addresses.includes(address));
  });
  if (rival !== undefined) return `${rival.name} has its address`;
  const missing = tablesOf(listener).find((table) => !names.has(`${ROUTES} ${table}`));
  if (missing !== undefined) return `nobody says what the routes ${missing} are`;
  const chains = itemsOf(listener.filter_chains);
  if (chains.length === 0 && listener.default_filter_chain === undefined) return 'it has no filter chain';
  const matches = chains.map(({ filter_chain_match = {} }) => JSON.stringify(filter_chain_match));
  if (new Set(matches).size < matches.length) return 'two filter chains are for one connection';
  const all = [...chains, ...itemsOf([listener.default_filter_chain].filter((chain) => chain !== undefined))];
  return all.reduce<string | null>((flaw, chain) => flaw ?? chainFlaw(itemsOf(chain.filters)), null);
}

/** Network filters that end a chain, by the ends of their types. */
const LAST =
  /\.(HttpConnectionManager|TcpProxy|RedisProxy|ThriftProxy|DubboProxy|echo\.v3\.Echo|direct_response\.v3\.Config)$/;

function chainFlaw(filters: readonly Fields[]): string | null {
  const ends = filters.map(({ typed_config }) =>
    LAST.test(String((typed_config as Fields | undefined)?.['@type'])),
  );
  const at = ends.indexOf(true);
  if (at >= 0 && at < filters.length - 1)
    return `${filters[at]?.name} ends the chain, and is not its last filter`;
  if (filters.some(({ config_discovery }) => config_discovery !== undefined)) return undelivered;
  return filters.reduce<string | null>((flaw, filter) => flaw ?? managerFlaw(managerOf(filter)), null);
}

const undelivered = 'no EXTENSION_CONFIG says what a filter with config_discovery does';
const router = 'envoy.extensions.filters.http.router.v3.Router';

function managerFlaw(manager: Fields | null): string | null {
  if (manager === null) return null;
  const filters = itemsOf(manager.http_filters);
  const ends = filters.map(({ typed_config }) => {
    return String((typed_config as Fields | undefined)?.['@type']).endsWith(`/${router}`);
  });
  if (ends.indexOf(true) < 0 || ends.indexOf(true) < filters.length - 1)
    return 'the router is not the last of the HTTP filters';
  if (filters.some(({ config_discovery }) => config_discovery !== undefined)) return undelivered;
  return manager.route_config === undefined ? null : tableFlaw(manager.route_config as Fields);
}

function addressesOf({ address, additional_addresses }: Fields): readonly string[] {
  const all = [address, ...itemsOf(additional_addresses).map((additional) => additional.address)];
  return all.filter((each) => each !== undefined).map((each) => JSON.stringify(each));
}

/** Names of the route tables that a listener asks for. */
export function tablesOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(tablesOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    return key === 'route_config_name' && typeof inner === 'string' ? [inner] : tablesOf(inner);
  });
}

/** All texts anywhere in a value. */
export function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) yield* textsIn(inner);
  }
}

function itemsOf(list: unknown): readonly Fields[] {
  return Array.isArray(list) ? (list as readonly Fields[]) : [];
}

function twice(what: string, names: readonly string[]): string | null {
  const seen = new Set<string>();
  const found = names.find((name) => seen.size === seen.add(name).size);
  return found === undefined ? null : `the ${what} ${found} is there twice`;
}

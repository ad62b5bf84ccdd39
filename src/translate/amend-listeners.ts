import type { Change } from '../mesh/index.ts';
import { amendList, changed } from './amend-list.ts';
import { type Context, contextOf, isChain, isIn, isListener, isNamed } from './amend-match.ts';
import { amendRoutes, type Work } from './amend-routes.ts';
import { type Fields, mergeChange } from './merge-message.ts';

type ApplyTo = Change['says']['applyTo'];

const message = (name: string) => `envoy.config.listener.v3.${name}`;
const MANAGER = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const HTTP_FILTER = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter';

/** Something of a listener that is looked at, as far as matches ask. */
type Here = Work & { readonly listener: Fields; readonly context: Context };

/** A listener as the changes leave it, in Istio's order: itself, its filters, its chains and theirs. Null: it is gone. */
export function amendListener(work: Work, listener: Fields): Fields | null {
  const context = contextOf(work.view.proxy, listener.traffic_direction === 'INBOUND');
  let now = listener;
  for (const change of meant({ ...work, listener, context }, 'LISTENER')) {
    const { operation } = change.says.patch;
    if (operation === 'ADD') continue;
    work.done.add(change);
    if (operation === 'REMOVE') return null;
    now = mergeChange(message('Listener'), now, change.says);
  }
  const here = { ...work, listener: now, context };
  const after = amendChains(here, amendListenerFilters(here));
  // Without a chain it takes no connection, and Envoy takes no such listener.
  return after !== listener && isEmpty(after) ? null : after;
}

function isEmpty({ filter_chains, default_filter_chain }: Fields): boolean {
  return default_filter_chain === undefined && ((filter_chains ?? []) as readonly Fields[]).length === 0;
}

/** The changes of a kind that are for a listener. */
function meant({ changes, listener, context }: Here, applyTo: ApplyTo): readonly Change[] {
  return changes.filter((change) => {
    const { applyTo: wanted, match } = change.says;
    return wanted === applyTo && isIn(change, context) && isListener(applyTo, match?.listener, listener);
  });
}

/** A list of a message, as each of the changes leaves it. */
function amendField(
  here: Here,
  owner: Fields,
  field: string,
  changes: readonly Change[],
  one: (list: readonly Fields[], change: Change) => readonly Fields[],
): Fields {
  const list = (owner[field] ?? []) as readonly Fields[];
  const after = changes.reduce((now, change) => {
    const next = one(now, change);
    if (next !== now) here.done.add(change);
    return next;
  }, list);
  return after === list ? owner : { ...owner, [field]: after };
}

function amendListenerFilters(here: Here): Fields {
  const changes = meant(here, 'LISTENER_FILTER');
  return amendField(here, here.listener, 'listener_filters', changes, (list, change) => {
    const name = change.says.match?.listener?.listenerFilter;
    return amendList(list, change, {
      message: message('ListenerFilter'),
      isNamed: name !== undefined,
      isSelected: (filter) => isNamed(name, filter),
      end: ({ length }) => length,
    });
  });
}

function amendChains(here: Here, listener: Fields): Fields {
  const all = { ...here, listener };
  const chains = (listener.filter_chains ?? []) as readonly Fields[];
  const own = chains.map((chain) => amendChain(all, chain));
  const added = meant(all, 'FILTER_CHAIN').filter(({ says }) => says.patch.operation === 'ADD');
  for (const change of added) here.done.add(change);
  const isSame = added.length === 0 && own.every((chain, index) => chain === chains[index]);
  const after = [
    ...own.filter((chain) => chain !== null),
    ...added.map(({ says }) => says.patch.value ?? {}),
  ];
  const now = isSame ? listener : { ...listener, filter_chains: after };
  const last = listener.default_filter_chain as Fields | undefined;
  const lastNow = last === undefined ? last : amendChain(all, last);
  if (lastNow === last) return now;
  const { default_filter_chain: _, ...rest } = now;
  return lastNow === null ? rest : { ...rest, default_filter_chain: lastNow };
}

/** Null: it is gone. */
function amendChain(here: Here, chain: Fields): Fields | null {
  const isFor = ({ says }: Change) => isChain(says.match?.listener, here.listener, chain);
  let now = chain;
  for (const change of meant(here, 'FILTER_CHAIN').filter(isFor)) {
    const { operation } = change.says.patch;
    if (operation === 'ADD') continue;
    here.done.add(change);
    if (operation === 'REMOVE') return null;
    now = mergeChange(message('FilterChain'), now, change.says);
  }
  now = amendField(here, now, 'filters', meant(here, 'NETWORK_FILTER').filter(isFor), (list, change) => {
    const name = change.says.match?.listener?.filterChain?.filter?.name;
    return amendList(list, change, {
      message: message('Filter'),
      isNamed: name !== undefined,
      isSelected: (filter) => isNamed(name, filter),
      // The last one ends the chain.
      end: ({ length }) => Math.max(length - 1, 0),
    });
  });
  const filters = (now.filters ?? []) as readonly Fields[];
  const changes = meant(here, 'HTTP_FILTER').filter(isFor);
  const after = changed(filters, (filter) => amendNetworkFilter(here, filter, changes));
  return after === filters ? now : { ...now, filters: after };
}

/** What is inside of a connection manager: its HTTP filters, and routes that it has of its own. */
function amendNetworkFilter(here: Here, filter: Fields, changes: readonly Change[]): Fields {
  const manager = managerOf(filter);
  if (manager === null) return withExtension(here, filter);
  const own = changes.filter(({ says }) => isNamed(says.match?.listener?.filterChain?.filter?.name, filter));
  const filtered = amendField(here, manager, 'http_filters', own, amendHttpFilters);
  const filters = (filtered.http_filters ?? []) as readonly Fields[];
  const given = changed(filters, (each) => withExtension(here, each));
  const now = given === filters ? filtered : { ...filtered, http_filters: given };
  const table = now.route_config as Fields | undefined;
  const routes = table === undefined ? table : amendRoutes(here, table, here.context);
  const after = routes === table ? now : { ...now, route_config: routes };
  return after === manager ? filter : { ...filter, typed_config: after };
}

/** The HTTP connection manager that a filter of a chain is; null: it is another one. */
export function managerOf({ typed_config }: Fields): Fields | null {
  const config = (typed_config ?? {}) as Fields;
  return String(config['@type']).endsWith(`/${MANAGER}`) ? config : null;
}

function amendHttpFilters(list: readonly Fields[], change: Change): readonly Fields[] {
  const { match, patch } = change.says;
  const name = match?.listener?.filterChain?.filter?.subFilter?.name;
  const isFirst = patch.filterClass !== undefined && patch.filterClass !== 'UNSPECIFIED';
  return amendList(list, change, {
    message: HTTP_FILTER,
    isNamed: name !== undefined,
    isSelected: (filter) => isNamed(name, filter),
    end: ({ length }) => {
      const at = isFirst ? list.findIndex(isTraffic) : -1;
      return at < 0 ? Math.max(length - 1, 0) : at;
    },
  });
}

/** Istio's order: authentication, authorization and statistics come before what is done to traffic. */
function isTraffic({ name }: Fields): boolean {
  return ['fault', 'cors', 'router'].some((known) => name === `envoy.filters.http.${known}`);
}

/** A filter whose configuration is one of EXTENSION_CONFIG: it is given with the filter, which comes to the same. */
function withExtension({ changes, context, done }: Here, filter: Fields): Fields {
  if (filter.config_discovery === undefined) return filter;
  const found = changes.findLast((change) => {
    const { applyTo, patch } = change.says;
    return applyTo === 'EXTENSION_CONFIG' && isIn(change, context) && patch.value?.name === filter.name;
  });
  if (found === undefined) return filter;
  done.add(found);
  const { config_discovery: _, ...rest } = filter;
  return { ...rest, typed_config: found.says.patch.value?.typed_config };
}

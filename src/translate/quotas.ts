import type { Quota, QuotaRule } from '../mesh/index.ts';
import type { Bound } from './bindings.ts';
import type { Draft } from './encode.ts';
import { textMatch } from './matches.ts';
import { duration, typed } from './pieces.ts';
import { LISTENER, type Proxy, ROUTES } from './types.ts';
import type { View } from './view.ts';

const filterName = 'envoy.filters.http.local_ratelimit';

/**
 * Listeners with what the proxy lets in: of a sidecar, what comes in for its workload; of a gateway, everything. The
 * filter counts, and the virtual hosts say what a request counts as.
 */
export function limited(view: View, { drafts, skipped }: Bound): Bound {
  const { proxy, quotas } = view;
  if (quotas.length === 0 || !has(proxy)) return { drafts, skipped };
  const fields: Fields = { filters: quotas.map(filterOf), rate_limits: quotas.flatMap(countsOf) };
  const origins = quotas.map(({ origin }) => origin);
  const isGateway = proxy.type === 'router';
  const all = drafts.map((draft): Draft => {
    const { typeUrl, json } = draft;
    if (typeUrl === ROUTES && isGateway) {
      return { ...draft, json: inTable(json as Table, fields), origins: [...draft.origins, ...origins] };
    }
    const { traffic_direction: direction } = json as Listener;
    if (typeUrl !== LISTENER || (!isGateway && direction !== 'INBOUND')) return draft;
    return { ...draft, json: inListener(json as Listener, fields), origins: [...draft.origins, ...origins] };
  });
  return { drafts: all, skipped };
}

function has({ extensions }: Proxy): boolean {
  return extensions === null || extensions.has(filterName);
}

type Fields = { readonly filters: readonly object[]; readonly rate_limits: readonly object[] };
type Manager = { readonly http_filters?: readonly object[]; readonly route_config?: Table };
type Chain = { readonly filters: readonly { readonly name: string; readonly typed_config: Manager }[] };
type Listener = { readonly traffic_direction?: string; readonly filter_chains?: readonly Chain[] };
type Table = { readonly virtual_hosts?: readonly object[] };

function inListener({ filter_chains: chains = [], ...json }: Listener, fields: Fields): object {
  const all = chains.map(({ filters, ...chain }) => ({
    ...chain,
    filters: filters.map((filter) => {
      const { http_filters, ...config } = filter.typed_config;
      return http_filters === undefined
        ? filter
        : { ...filter, typed_config: inManager({ ...config, http_filters }, fields) };
    }),
  }));
  return { ...json, ...(chains.length === 0 ? {} : { filter_chains: all }) };
}

/** The last filter is the one that sends requests on. */
function inManager({ http_filters = [], route_config, ...config }: Manager, fields: Fields): object {
  const table = route_config === undefined ? {} : { route_config: inTable(route_config, fields) };
  return {
    ...config,
    ...table,
    http_filters: [...http_filters.slice(0, -1), ...fields.filters, ...http_filters.slice(-1)],
  };
}

function inTable({ virtual_hosts = [], ...table }: Table, { rate_limits }: Fields): object {
  return { ...table, virtual_hosts: virtual_hosts.map((host) => ({ ...host, rate_limits })) };
}

/** What the requests of a rule count as: each manifest has a word of its own, so that none counts for another. */
function entryOf({ id }: Quota, index: number) {
  return { key: `fairlead/${id}`, value: `${index}` };
}

const always = { default_value: { numerator: 100 } };

function filterOf(quota: Quota): object {
  const { id, rules, status, responseHeaders } = quota;
  const headers = responseHeaders.map(({ name, value }) => ({
    header: { key: name, value: value.replaceAll('%', '%%') },
    append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
  }));
  return {
    name: `${filterName}/${id}`,
    typed_config: typed('envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit', {
      stat_prefix: id.replaceAll(/[./]/g, '_'),
      status: { code: status },
      filter_enabled: always,
      filter_enforced: always,
      ...(headers.length === 0 ? {} : { response_headers_to_add: headers }),
      descriptors: rules.map(({ burst, requests, perMs }, index) => ({
        entries: [entryOf(quota, index)],
        token_bucket: { max_tokens: burst, tokens_per_fill: requests, fill_interval: duration(perMs) },
      })),
    }),
  };
}

function countsOf(quota: Quota): readonly object[] {
  return quota.rules.map((rule, index) => {
    const { key, value } = entryOf(quota, index);
    const said = { descriptor_key: key, descriptor_value: value };
    const headers = headersOf(rule);
    return {
      actions: [headers.length === 0 ? { generic_key: said } : { header_value_match: { ...said, headers } }],
    };
  });
}

function headersOf({ headers, methods }: QuotaRule): readonly object[] {
  const method = { safe_regex: { regex: methods.join('|') } };
  return [
    ...headers.map(({ name, value }) => ({
      name,
      ...(value === null ? { present_match: true } : { string_match: textMatch(value) }),
    })),
    ...(methods.length === 0 ? [] : [{ name: ':method', string_match: method }]),
  ];
}

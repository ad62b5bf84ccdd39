import type { Cors, Fault, Rule } from '../mesh/index.ts';
import { cors as corsFilter, fault as faultFilter, has } from './http.ts';
import { textMatch } from './matches.ts';
import { duration, fraction, typed } from './pieces.ts';
import type { Proxy } from './types.ts';

/** What a rule's routes say to the HTTP filters; nothing to a filter that the proxy does not have. */
export function routeFilters({ action, cors }: Rule, proxy: Proxy): object {
  const fault = action.does === 'forward' ? action.fault : null;
  const configs = {
    ...(fault !== null && has(proxy, faultFilter) ? { [faultFilter.name]: httpFault(fault) } : {}),
    ...(cors !== null && has(proxy, corsFilter) ? { [corsFilter.name]: corsPolicy(cors) } : {}),
  };
  return Object.keys(configs).length === 0 ? {} : { typed_per_filter_config: configs };
}

/** Which of these filters the proxy has: all that `routeFilters` depends on besides the rule. */
export function filtersOf(proxy: Proxy): string {
  return `${has(proxy, faultFilter)} ${has(proxy, corsFilter)}`;
}

function httpFault({ delay, abort }: Fault): object {
  return typed('envoy.extensions.filters.http.fault.v3.HTTPFault', {
    ...(delay === null
      ? {}
      : { delay: { fixed_delay: duration(delay.ms), percentage: fraction(delay.percent) } }),
    ...(abort === null
      ? {}
      : { abort: { [`${abort.with}_status`]: abort.status, percentage: fraction(abort.percent) } }),
  });
}

function corsPolicy(policy: Cors): object {
  const { origins, methods, headers, exposed, maxAgeS, credentials, forwardOthers } = policy;
  return typed('envoy.extensions.filters.http.cors.v3.CorsPolicy', {
    allow_origin_string_match: origins.map(textMatch),
    ...(methods.length > 0 ? { allow_methods: methods.join(',') } : {}),
    ...(headers.length > 0 ? { allow_headers: headers.join(',') } : {}),
    ...(exposed.length > 0 ? { expose_headers: exposed.join(',') } : {}),
    ...(maxAgeS === null ? {} : { max_age: `${maxAgeS}` }),
    ...(credentials === null ? {} : { allow_credentials: credentials }),
    ...(forwardOthers === null ? {} : { forward_not_matching_preflights: forwardOthers }),
    filter_enabled: { default_value: { numerator: 100 } },
  });
}

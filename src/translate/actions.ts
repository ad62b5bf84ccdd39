import type { Destination, Forward, Match, Redirect, Respond, Retries, Rule } from '../mesh/index.ts';
import { headerChanges } from './header-changes.ts';
import { BLACK_HOLE, NO_CLUSTER } from './names.ts';
import { pathRewrite } from './path-rewrites.ts';
import { duration, fraction } from './pieces.ts';
import { retryPolicy } from './retries.ts';
import { clusterFor, type Seen, sticking } from './targets.ts';

/** What one route does, as fields of Envoy's `Route`, and the clusters that it names. */
export type Action = { readonly fields: object; readonly clusters: readonly string[] };

/** Requests that a match holds for (null: all), and that ask for `port`; `retries` where the rule says none. */
type Asked = {
  readonly match: Match | null;
  readonly port: number;
  readonly retries: Retries | null;
  /** The only host that they may ask for; null: they may ask for several. */
  readonly host: string | null;
};

export function actionOf(rule: Rule, asked: Asked, services: Seen): Action {
  const { action } = rule;
  switch (action.does) {
    case 'forward':
      return forward(rule, action, asked, services);
    case 'redirect':
      return { fields: { redirect: redirect(action, asked), ...headerChanges(rule) }, clusters: [] };
    case 'respond':
      return { fields: { direct_response: respond(action), ...headerChanges(rule) }, clusters: [] };
  }
}

function forward(rule: Rule, action: Forward, { match, port, retries }: Asked, services: Seen): Action {
  const [alone, ...others] = action.destinations;
  const only = others.length === 0 && action.refusedWeight === 0 ? alone : undefined;
  const copies = action.mirrors
    .map(({ percent, ...to }) => ({ cluster: clusterFor(to, port, services).name, percent }))
    .filter(({ cluster }) => cluster !== BLACK_HOLE);
  const split = action.destinations.map((to) => ({ to, ...clusterFor(to, port, services) }));
  const askedHost = action.askedHost ?? only?.askedHost ?? null;
  const route = {
    ...(only === undefined
      ? {
          weighted_clusters: {
            clusters: [...split.map(({ to, name }) => share(to, name)), ...refused(action)],
          },
        }
      : { cluster: clusterFor(only, port, services).name }),
    ...(action.refusedWeight > 0 ? { cluster_not_found_response_code: 'INTERNAL_SERVER_ERROR' } : {}),
    ...pathRewrite(action.path, match?.path ?? null),
    ...(askedHost === null ? {} : { host_rewrite_literal: askedHost }),
    ...(copies.length === 0 ? {} : { request_mirror_policies: copies.map(mirror) }),
    timeout: duration(action.timeoutMs ?? 0),
    ...retryPolicy(
      action.retries ?? retries,
      split.flatMap(({ hash }) => hash),
    ),
    ...sticking(split.map(({ hash }) => hash)),
  };
  return {
    fields: { route, ...headerChanges(rule, ...(only === undefined ? [] : [only])) },
    clusters: [...split.map(({ name }) => name), ...copies.map(({ cluster }) => cluster)],
  };
}

function share(to: Destination, name: string): object {
  const host = to.askedHost === null ? {} : { host_rewrite_literal: to.askedHost };
  return { name, weight: to.weight, ...headerChanges(to), ...host };
}

function refused({ refusedWeight }: Forward): readonly object[] {
  return refusedWeight > 0 ? [{ name: NO_CLUSTER, weight: refusedWeight }] : [];
}

/** The copy says the same host as the original (Istio), without Envoy's suffix. */
function mirror({ cluster, percent }: { readonly cluster: string; readonly percent: number }): object {
  return {
    cluster,
    runtime_fraction: { default_value: fraction(percent) },
    trace_sampled: false,
    disable_shadow_host_suffix_append: true,
  };
}

function redirect({ status, scheme, host, port, path }: Redirect, asked: Asked): object {
  const { match } = asked;
  const { name, number } = placeOf({ scheme, host, port }, asked);
  return {
    ...(scheme === null ? {} : { scheme_redirect: scheme }),
    ...(name === null ? {} : { host_redirect: name }),
    ...(number === null ? {} : { port_redirect: number }),
    ...(path?.how === 'whole' ? { path_redirect: path.text } : pathRewrite(path, match?.path ?? null)),
    response_code: redirectCodes[status],
  };
}

const redirectCodes = {
  301: 'MOVED_PERMANENTLY',
  302: 'FOUND',
  303: 'SEE_OTHER',
  307: 'TEMPORARY_REDIRECT',
  308: 'PERMANENT_REDIRECT',
} as const;

const ownPorts: readonly number[] = [80, 443];

/**
 * A scheme's own port is left out (Istio, Gateway API). The client's `host:port` stays where no host is said, so that
 * one has to be, for another port to be left out.
 */
function placeOf(
  { scheme, host, port }: Pick<Redirect, 'scheme' | 'host' | 'port'>,
  { port: asked, host: only }: Asked,
): { readonly name: string | null; readonly number: number | null } {
  const own = scheme === 'https' || (scheme === null && asked === 443) ? 443 : 80;
  const number = port === 'asked' ? asked : port === 'default' ? own : port;
  if (number !== own) return { name: host, number };
  if (host !== null || ownPorts.includes(asked)) return { name: host, number: null };
  return { name: only, number: only === null ? number : null };
}

function respond({ status, body }: Respond): object {
  if (body === null) return { status };
  return { status, body: 'text' in body ? { inline_string: body.text } : { inline_bytes: body.base64 } };
}

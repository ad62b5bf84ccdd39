import type { Problem } from '../../base/problem.ts';
import { ruleOrigin } from '../../mesh/index.ts';
import type { Meshed } from '../../pipeline.ts';

type Mesh = Meshed['mesh'];
type Rule = Mesh['routings'][number]['rules'][number];

/** What a reviewer should not overlook: allowed, and seldom meant. */
export type Risk = {
  readonly risk:
    | 'wildcard-opened'
    | 'unknown-subset'
    | 'timeout-removed'
    | 'retry-storm'
    | 'fault-injected'
    | 'host-removed'
    | 'endpoints-gone'
    | 'raw-configuration';
  readonly message: string;
  readonly file: string;
  readonly line: number;
};

type Place = { readonly file: string; readonly line: number };

/** Compares what is served with what would be. */
export function risksOf(served: Meshed, drafted: Meshed): readonly Risk[] {
  return [
    ...wildcards(served.mesh, drafted.mesh),
    ...subsets(served.problems, drafted.problems),
    ...rules(served.mesh, drafted.mesh),
    ...gone(served, drafted),
    ...raw(served.mesh, drafted.mesh),
  ];
}

function risk(name: Risk['risk'], message: string, { file, line }: Place): Risk {
  return { risk: name, message, file, line };
}

/** Hosts that stand for many, and scopes that own everything. */
function wildcards(before: Mesh, after: Mesh): readonly Risk[] {
  const known = new Set(open(before).map(({ name }) => name));
  return open(after)
    .filter(({ name }) => !known.has(name))
    .map(({ name, origin }) =>
      risk('wildcard-opened', `${name} is open to every host that it covers`, origin),
    );
}

function open({ services, routings, gateways }: Mesh) {
  const offers = gateways.flatMap(({ id, servers, origin }) =>
    servers.flatMap((server) => server.offers.map(({ host }) => ({ host, by: `gateway ${id}`, origin }))),
  );
  const all = [
    ...services.map(({ host, origin }) => ({ host, by: 'service', origin })),
    ...routings.map(({ host, origin }) => ({ host, by: 'routing', origin })),
    ...offers,
  ];
  return all
    .filter(({ host }) => host.startsWith('*'))
    .map(({ host, by, origin }) => ({ name: `${by} ${host}`, origin }));
}

const UNKNOWN_SUBSET = 'FL3302';

function subsets(before: readonly Problem[], after: readonly Problem[]): readonly Risk[] {
  const unknown = (problems: readonly Problem[]) => problems.filter(({ code }) => code === UNKNOWN_SUBSET);
  const known = new Set(unknown(before).map(({ message }) => message));
  return unknown(after)
    .filter(({ message }) => !known.has(message))
    .map((problem) => risk('unknown-subset', problem.message, problem));
}

/** Rules are compared by host and place: what is inserted before one may be taken for a change of it. */
function rules(before: Mesh, after: Mesh): readonly Risk[] {
  const keyOf = ({ host, namespace, entrances }: Mesh['routings'][number]) =>
    [namespace, host, ...entrances].join(' ');
  const old = Map.groupBy(before.routings, keyOf);
  const formerOf = (routing: Mesh['routings'][number]) => {
    const all = old.get(keyOf(routing)) ?? [];
    return all.find(({ origin }) => origin.document === routing.origin.document) ?? all[0];
  };
  return after.routings.flatMap((routing) =>
    routing.rules.flatMap((rule, index) => {
      const former = formerOf(routing)?.rules;
      const same = former?.find(({ matches }) => JSON.stringify(matches) === JSON.stringify(rule.matches));
      return rule === same
        ? []
        : ruleRisks(routing.host, same ?? former?.[index] ?? null, rule, ruleOrigin(rule));
    }),
  );
}

/** Each failure would be asked for more often than this. */
const MANY_ATTEMPTS = 5;

function ruleRisks(host: string, before: Rule | null, { action }: Rule, origin: Place): readonly Risk[] {
  if (action.does !== 'forward') return [];
  const old = before?.action.does === 'forward' ? before.action : null;
  const found: Risk[] = [];
  if ((old?.timeoutMs ?? 0) > 0 && (action.timeoutMs ?? 0) === 0) {
    const message = `requests for ${host} may take for ever: the timeout of ${old?.timeoutMs} ms is gone`;
    found.push(risk('timeout-removed', message, origin));
  }
  const [tries, former] = [action.retries?.attempts ?? 0, old?.retries?.attempts ?? 0];
  if (tries >= MANY_ATTEMPTS && tries > former) {
    const message = `a request for ${host} that fails is tried ${tries} times more: when all fail, ${tries + 1} times the load`;
    found.push(risk('retry-storm', message, origin));
  }
  if (action.fault !== null && old?.fault === null) {
    found.push(risk('fault-injected', `requests for ${host} fail or wait on purpose`, origin));
  }
  return found;
}

function gone(served: Meshed, drafted: Meshed): readonly Risk[] {
  const now = new Map(drafted.mesh.services.map((service) => [service.id, service]));
  return served.mesh.services.flatMap(({ id, host, origin }) => {
    const service = now.get(id);
    if (service === undefined) return [risk('host-removed', `nobody serves ${host} any more`, origin)];
    const [had, has] = [served, drafted].map(({ endpoints }) => endpoints.get(id)?.length ?? 0);
    if (!had || has) return [];
    return [risk('endpoints-gone', `${host} loses all of its ${had} endpoint(s)`, service.origin)];
  });
}

/** What is said in a proxy's own words, and was not said before. */
function raw(before: Mesh, after: Mesh): readonly Risk[] {
  const said = (mesh: Mesh) =>
    [
      ...mesh.amendments.flatMap(({ namespace, changes }) =>
        changes.map(({ says, origin }) => ({
          what: says.applyTo,
          namespace,
          origin,
          text: JSON.stringify(says),
        })),
      ),
      ...mesh.interceptions.map(({ host, namespace, filters, origin }) => {
        return { what: `what stands before ${host}`, namespace, origin, text: JSON.stringify(filters) };
      }),
    ].map((one) => ({ ...one, key: `${one.origin.document} ${one.text}` }));
  const known = new Set(said(before).map(({ key }) => key));
  return said(after)
    .filter(({ key }) => !known.has(key))
    .map(({ what, namespace, origin }) => {
      const message = `${origin.document} changes ${what} of proxies of ${namespace} by hand: see what they hear`;
      return risk('raw-configuration', message, origin);
    });
}

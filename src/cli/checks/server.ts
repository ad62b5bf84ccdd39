import { errorsText } from '../../base/problem.ts';
import { short } from '../output.ts';
import { shortName } from '../proxy/find.ts';
import { duration, staleness } from '../served/freshness.ts';
import {
  type Condition,
  isAlive,
  type Proxy,
  type Repository,
  readProxies,
  readRepositories,
  readScopes,
  type Scope,
} from '../served/read.ts';
import { readDocument } from '../server-client.ts';
import { type Finding, fail, ok, warn } from './check.ts';

/** A finding about one thing of a running server. */
export type ServerFinding = Finding & {
  readonly section: string;
  readonly check: string;
  readonly about: string;
};

type Conditions = readonly Condition[];

/** So many polls without a verdict are not by chance: a replica of several looks itself once in seven. */
const POLLS_MISSED = 10;

/** Readiness, freshness, holds and refusals of a running server, as its API tells them. */
export async function checkServer(server: string): Promise<readonly ServerFinding[]> {
  const ready = await readDocument(server, 'readyz');
  const message = String(ready.message ?? '');
  const serving =
    ready.ready === true
      ? ok(message)
      : fail(message, 'wait, or see what keeps its repository from going on');
  const repositories = await readRepositories(server);
  const scopes = await readScopes(server);
  const proxies = await readProxies(server);
  return [
    { section: 'server', check: 'server', about: server, ...serving },
    ...repositories.flatMap((one) => [
      about('repositories', 'repository', one.name, repositoryFinding(one)),
      ...webhookFindings(one).map((finding) => about('repositories', 'webhooks', one.name, finding)),
    ]),
    ...scopes.filter(isAlive).map((one) => about('scopes', 'scope', one.path, scopeFinding(one))),
    ...proxies.map((one) => about('proxies', 'proxy', shortName(one.proxy), proxyFinding(one))),
  ];
}

function about(section: string, check: string, name: string, finding: Finding): ServerFinding {
  return { section, check, about: name, ...finding };
}

/** What somebody has stopped; null where nobody has. Of a repository with suspended scopes they say it themselves. */
function stopped(name: string, conditions: Conditions): Finding | null {
  const found = conditions.find(({ type, reason }) => type === 'Suspended' && reason !== 'ScopesSuspended');
  if (found === undefined) return null;
  return warn(found.message, `fairlead resume ${name} --reason … lets it go on`);
}

/** What other replicas derive otherwise, or cannot be asked; null where all is well. */
function unwitnessed(conditions: Conditions): Finding | null {
  const found = conditions.find(({ type }) => type === 'Witnessed');
  if (found === undefined) return null;
  return found.reason === 'ReplicasDiffer'
    ? fail(found.message, 'see docs/runbooks/ReplicasDiffer.md')
    : warn(found.message, 'see docs/runbooks/WithoutRedis.md');
}

/** Only where something is wrong: who expects no webhooks need not read of them. */
function webhookFindings({ webhookFault = null }: Repository): readonly Finding[] {
  if (webhookFault === null) return [];
  const { message, code, fix } = webhookFault;
  return [warn(`no webhook can be believed, the poll sees what is pushed: ${message} [${code}]`, fix)];
}

function repositoryFinding({
  name,
  conditions = [],
  followedTip,
  fetch,
  failure,
  refused,
}: Repository): Finding {
  if (failure !== null) {
    const { stage, message, code, fix } = failure;
    const told = `${stage} fails: ${message} [${code}]`;
    return stage === 'fetch' && followedTip !== null ? warn(told, fix) : fail(told, fix);
  }
  if (refused !== null) {
    const { tip, rule, reason } = refused;
    return warn(
      `the tip ${short(tip)} is refused (${rule}): ${reason}`,
      'put the main line back; see fairlead verify',
    );
  }
  const untranslated = conditions.find(({ type, status }) => type === 'Translated' && status === 'False');
  if (untranslated !== undefined)
    return fail(untranslated.message, 'see docs/runbooks/TranslationFailing.md');
  const stale = staleness(conditions);
  const behind = stale === null ? null : warn(stale, 'see docs/runbooks/RemoteBehind.md');
  const age = ageFinding(fetch, followedTip);
  // Of a repository that is suspended as a whole nothing is looked at; of one with suspended scopes it is.
  const isExpected = age.state === 'ok' || conditions.some(({ reason }) => reason === 'Suspended');
  const stop = isExpected ? stopped(`repository/${name}`, conditions) : null;
  return unwitnessed(conditions) ?? behind ?? stop ?? age;
}

/** A run that hangs says nothing else than that nothing came of it. */
function ageFinding({ ageMs, pollMs }: Repository['fetch'], followedTip: string | null): Finding {
  if (ageMs === null)
    return fail('nothing was verified since this server began', 'wait until its first run is over');
  const told = `verified ${duration(ageMs)} ago, following ${short(followedTip)}`;
  if (pollMs === undefined || ageMs <= POLLS_MISSED * pollMs) return ok(told);
  return warn(`${told}; it is to be every ${duration(pollMs)}`, 'see docs/runbooks/FetchOverdue.md');
}

function scopeFinding({ path, status, conditions = [], seq, hold, problems = [] }: Scope): Finding {
  const suspended = stopped(path, conditions);
  const and = suspended === null ? '' : `; ${suspended.message}`;
  const differs = unwitnessed(conditions);
  if (differs !== null) return differs;
  if (hold !== null) return warn(`held (${hold.rule}): ${hold.reason}${and}`, `fairlead explain ${path}`);
  if (suspended !== null) return suspended;
  const invalid = conditions.find(({ type, status }) => type === 'Valid' && status === 'False')?.message;
  const errors = invalid ?? errorsText(problems);
  if (errors !== null) return warn(errors, 'fairlead status names the errors');
  if (status === 'Withdrawn') return ok(`withdrawn by its parent at seq ${seq}: nothing of it is served`);
  return ok(`serves what the main line has, seq ${seq}`);
}

function proxyFinding({ proxy, rejected }: Proxy): Finding {
  const [first] = rejected;
  if (first === undefined) return ok('takes what it is sent');
  const more = rejected.length > 1 ? ` and ${rejected.length - 1} more` : '';
  return warn(
    `refused ${first.name}${more}: ${first.message}`,
    `fairlead proxy-config all ${shortName(proxy)} shows the lines`,
  );
}

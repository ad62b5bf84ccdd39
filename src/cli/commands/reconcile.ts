import { setTimeout as delay } from 'node:timers/promises';
import { Argument, Command } from 'commander';
import { Failure } from '../../base/failure.ts';
import { nearest } from '../../manifests/index.ts';
import type { Context } from '../context.ts';
import { timeoutOption } from '../duration-option.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { API_VERSION, type Format, outputOption, print, short, wrap } from '../output.ts';
import { readItems, serverOption, trigger } from '../server-client.ts';

const TRY_EVERY_MS = 100;

type Flags = {
  readonly output: Format;
  readonly server: string;
  readonly wait?: boolean;
  readonly withSource?: boolean;
  readonly timeout: number;
};

type Condition = { readonly type: string; readonly status: string; readonly message: string };

/** What is read of `RepositoryList`. */
type Repository = {
  readonly name: string;
  readonly followedTip: string | null;
  readonly appliedRevision: string | null;
  readonly runs: { readonly started: number; readonly finished: number };
  readonly failure: Readonly<Record<'stage' | 'code' | 'message' | 'fix', string>> | null;
  readonly refused: { readonly tip: string; readonly rule: string; readonly reason: string } | null;
  readonly conditions: readonly Condition[];
};

type Held = { readonly scope: string; readonly rule: string; readonly reason: string };

export function reconcileCommand(context: Context): Command {
  const command = new Command('reconcile')
    .description(
      'has a running server judge and translate anew, and waits for what comes of it; 3 if refused or held',
    )
    .addArgument(new Argument('[repository]', 'as `fairlead status` names it (default: the only one)'))
    .option('--with-source', 'fetch first; without it, what was fetched last is taken')
    .option('--wait', 'also until every connected proxy has answered')
    .addOption(timeoutOption('how long to wait'))
    .addOption(outputOption())
    .addHelpText('after', examples('git push && fairlead reconcile --with-source --wait --timeout 30s'));
  return serverOption(command).action(async (name: string | undefined, flags: Flags) =>
    context.finish(await reconcile(context, name, flags)),
  );
}

async function reconcile(context: Context, wanted: string | undefined, flags: Flags): Promise<number> {
  const { say } = context.terminal;
  const untilMs = performance.now() + flags.timeout;
  const before = choose(await read(flags), wanted);
  const withSource = flags.withSource === true;
  await trigger(flags.server, before.name, withSource ? 'source' : 'judgement');
  say(`${before.name}: the server ${withSource ? 'looks at its remote' : 'judges what it fetched last'}`);
  // A restarted server counts anew.
  const runsBefore = ({ runs }: Repository) => (runs.started < before.runs.started ? 0 : before.runs.started);
  const ran = await until(flags, before.name, untilMs, 'what is judged', (repository) => {
    return repository.runs.finished > runsBefore(repository);
  });
  // A remote that is away is no failure of those who ask it nothing.
  if (ran.failure !== null && (withSource || ran.failure.stage !== 'fetch'))
    throw new Failure(ran.failure.code, ran.failure.message, ran.failure.fix);
  say(`${ran.name}: following ${short(ran.followedTip)}, serving ${short(ran.appliedRevision)}`);
  const done = flags.wait === true ? await answered(say, flags, ran, untilMs) : ran;
  const held = await heldScopes(flags, done.name);
  const { name, followedTip, appliedRevision, refused, conditions } = done;
  const facts = { repository: name, followedTip, appliedRevision, refused, held, conditions };
  print(context, flags.output, { apiVersion: API_VERSION, kind: 'Reconciliation', ...facts }, () =>
    text(done, held, flags),
  );
  return codeOf(done, held, flags);
}

async function read({ server }: Flags): Promise<readonly Repository[]> {
  return (await readItems(server, 'api/v1/repositories')) as readonly Repository[];
}

function choose(repositories: readonly Repository[], wanted: string | undefined): Repository {
  const names = repositories.map(({ name }) => name);
  const [only, second] = repositories;
  if (wanted === undefined && only !== undefined && second === undefined) return only;
  const found = repositories.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  if (wanted === undefined) {
    throw new Failure('repository-ambiguous', 'which repository?', `name one of: ${names.join(', ')}`);
  }
  const meant = nearest(wanted, names);
  const fix = meant === null ? `name one of: ${names.join(', ')}` : `did you mean ${meant}?`;
  throw new Failure('repository-unknown', `there is no repository ${wanted}`, fix);
}

async function until(
  flags: Flags,
  name: string,
  untilMs: number,
  what: string,
  accept: (repository: Repository) => boolean,
): Promise<Repository> {
  for (;;) {
    const now = choose(await read(flags), name);
    if (accept(now)) return now;
    if (performance.now() >= untilMs) {
      const fix =
        'it goes on by itself: see `fairlead status` and proxy-status, or wait longer with --timeout';
      throw new Failure('reconcile-timeout', `${what} did not arrive in ${flags.timeout} ms`, fix);
    }
    await delay(Math.min(TRY_EVERY_MS, Math.max(1, untilMs - performance.now())));
  }
}

/** Says how many proxies have answered whenever that changes. */
async function answered(
  say: (line: string) => void,
  flags: Flags,
  ran: Repository,
  untilMs: number,
): Promise<Repository> {
  let said = '';
  return until(flags, ran.name, untilMs, 'the answer of every proxy', (repository) => {
    const { status, message } = conditionOf(repository, 'Distributed');
    if (message !== said) say(`${ran.name}: ${message}`);
    said = message;
    return status !== 'Unknown';
  });
}

function conditionOf({ conditions }: Repository, wanted: string): Condition {
  const found = conditions.find(({ type }) => type === wanted);
  return found ?? { type: wanted, status: 'Unknown', message: 'the server does not say' };
}

async function heldScopes({ server }: Flags, repository: string): Promise<readonly Held[]> {
  type Scope = {
    readonly repository: string;
    readonly path: string;
    readonly hold: Omit<Held, 'scope'> | null;
  };
  const scopes = (await readItems(server, 'api/v1/scopes')) as readonly Scope[];
  return scopes.flatMap(({ path, hold, ...scope }) =>
    hold === null || scope.repository !== repository
      ? []
      : [{ scope: path, rule: hold.rule, reason: hold.reason }],
  );
}

/** Conditions that say that something is not served as it was accepted. */
function broken(repository: Repository, { wait }: Flags): readonly Condition[] {
  const types = ['Valid', 'Translated', ...(wait === true ? ['Distributed'] : [])];
  return types.map((type) => conditionOf(repository, type)).filter(({ status }) => status === 'False');
}

/** Changes that somebody has stopped. */
function stopped({ conditions }: Repository): readonly Condition[] {
  return conditions.filter(({ type }) => type === 'Suspended');
}

function text(repository: Repository, held: readonly Held[], flags: Flags): string {
  const { name, followedTip, appliedRevision, refused } = repository;
  const lines = [
    `${name} serves ${short(appliedRevision)}, the followed tip is ${short(followedTip)}`,
    ...(refused === null
      ? []
      : [`the tip ${short(refused.tip)} is refused (${refused.rule}): ${refused.reason}`]),
    ...stopped(repository).map(({ message }) => message),
    ...held.map(({ scope, rule, reason }) => `${scope} is held (${rule}): ${reason}`),
    ...broken(repository, flags).map(({ type, message }) => `${type}: ${message}`),
  ];
  return `${lines.map((line) => wrap(line, '  ')).join('\n')}\n`;
}

function codeOf(repository: Repository, held: readonly Held[], flags: Flags): number {
  if (repository.refused !== null || held.length > 0) return exit.refused;
  return stopped(repository).length > 0 || broken(repository, flags).length > 0 ? exit.findings : exit.ok;
}

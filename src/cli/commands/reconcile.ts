import { setTimeout as delay } from 'node:timers/promises';
import { Argument, Command } from 'commander';
import { Failure } from '../../base/failure.ts';
import type { Context } from '../context.ts';
import { timeoutOption } from '../duration-option.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { API_VERSION, type Format, outputOption, print, short, wrap } from '../output.ts';
import { conditionOf, staleness } from '../served/freshness.ts';
import { type Condition, type Repository, readRepositories, readScopes } from '../served/read.ts';
import { findTarget } from '../served/target.ts';
import { serverOption, trigger } from '../server-client.ts';

const TRY_EVERY_MS = 100;

type Flags = {
  readonly output: Format;
  readonly server: string;
  readonly wait?: boolean;
  readonly withSource?: boolean;
  readonly timeout: number;
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
  return serverOption(command, context).action(async (name: string | undefined, flags: Flags) =>
    context.finish(await reconcile(context, name, flags)),
  );
}

async function reconcile(context: Context, wanted: string | undefined, flags: Flags): Promise<number> {
  const { say } = context.terminal;
  const untilMs = performance.now() + flags.timeout;
  const before = await choose(flags, wanted);
  const withSource = flags.withSource === true;
  await trigger(flags.server, before.name, withSource ? 'source' : 'judgement');
  say(`${before.name}: the server ${withSource ? 'looks at its remote' : 'judges what it fetched last'}`);
  // A restarted server counts anew.
  const { started } = runsOf(before);
  const runsBefore = (now: Repository) => (runsOf(now).started < started ? 0 : started);
  const ran = await until(flags, before.name, untilMs, 'what is judged', (repository) => {
    return runsOf(repository).finished > runsBefore(repository);
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

/** The repository that is meant, and no scope. Throws Failure target-unknown or target-ambiguous. */
async function choose({ server }: Flags, wanted: string | undefined): Promise<Repository> {
  return findTarget(await readRepositories(server), [], wanted, 'repository').repository;
}

/** An older server does not count them. */
function runsOf({ runs = { started: 0, finished: 0 } }: Repository): NonNullable<Repository['runs']> {
  return runs;
}

async function until(
  flags: Flags,
  name: string,
  untilMs: number,
  what: string,
  accept: (repository: Repository) => boolean,
): Promise<Repository> {
  for (;;) {
    const now = await choose(flags, `repository/${name}`);
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

async function heldScopes({ server }: Flags, name: string): Promise<readonly Held[]> {
  return (await readScopes(server)).flatMap(({ path, hold, repository }) =>
    hold === null || repository !== name ? [] : [{ scope: path, rule: hold.rule, reason: hold.reason }],
  );
}

/** Conditions that say that something is not served as it was accepted. */
function broken(repository: Repository, { wait }: Flags): readonly Condition[] {
  const types = ['Valid', 'Translated', ...(wait === true ? ['Distributed'] : [])];
  return types.map((type) => conditionOf(repository, type)).filter(({ status }) => status === 'False');
}

/** What was pushed, if anything was, is not where the server has looked. */
function behind({ conditions }: Repository, { withSource }: Flags): readonly string[] {
  const stale = withSource === true ? staleness(conditions) : null;
  return stale === null ? [] : [stale];
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
    ...behind(repository, flags),
    ...stopped(repository).map(({ message }) => message),
    ...held.map(({ scope, rule, reason }) => `${scope} is held (${rule}): ${reason}`),
    ...broken(repository, flags).map(({ type, message }) => `${type}: ${message}`),
  ];
  return `${lines.map((line) => wrap(line, '  ')).join('\n')}\n`;
}

function codeOf(repository: Repository, held: readonly Held[], flags: Flags): number {
  if (repository.refused !== null || held.length > 0) return exit.refused;
  const all = [...behind(repository, flags), ...stopped(repository), ...broken(repository, flags)];
  return all.length > 0 ? exit.findings : exit.ok;
}

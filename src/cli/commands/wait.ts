import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { Failure } from '../../base/failure.ts';
import type { Context } from '../context.ts';
import { timeoutOption } from '../duration-option.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { API_VERSION, type Format, outputOption, print, short, wrap } from '../output.ts';
import { conditionOf, freshness } from '../served/freshness.ts';
import { createLooks } from '../served/looks.ts';
import { readRepositories, readScopes } from '../served/read.ts';
import { findTarget, type Target } from '../served/target.ts';
import { readDocument, serverOption } from '../server-client.ts';

const LOOKS = { everyMs: 200, atLeastMs: 2_000 };

const CONDITIONS = ['Ready', 'SourceVerified', 'QuorumMet', 'Valid', 'Translated', 'Distributed'] as const;

type For =
  | { readonly kind: 'condition'; readonly wanted: (typeof CONDITIONS)[number] }
  | { readonly kind: 'revision'; readonly wanted: string };

type Flags = {
  readonly for: For;
  readonly output: Format;
  readonly server: string;
  readonly timeout: number;
};

/** What a look came to; null: not yet, and `message` says what is awaited. */
type Verdict = { readonly code: number | null; readonly message: string };

export function waitCommand(context: Context): Command {
  const command = new Command('wait')
    .description('until every connected proxy has acknowledged; 3 if refused or held, 4 if it takes longer')
    .addArgument(new Argument('[repository|scope]', 'mesh, acme.payments (default: the only repository)'))
    .addOption(
      new Option('--for <what>', 'revision=<commit>, or condition=<type>')
        .argParser(parseFor)
        .default({ kind: 'condition', wanted: 'Ready' }, 'condition=Ready'),
    )
    .addOption(timeoutOption('how long to wait'))
    .addOption(outputOption())
    .addHelpText(
      'after',
      examples('git push && fairlead wait acme --for revision=$(git rev-parse HEAD) --timeout 2m'),
    );
  return serverOption(command, context).action(async (name: string | undefined, flags: Flags) =>
    context.finish(await wait(context, name, flags)),
  );
}

function parseFor(text: string): For {
  const [, kind, value = ''] = /^(revision|condition)=(.+)$/.exec(text) ?? [];
  if (kind === 'revision' && /^[0-9a-f]{40}$/.test(value)) return { kind, wanted: value };
  const wanted = CONDITIONS.find((type) => type.toLowerCase() === value.toLowerCase());
  if (kind === 'condition' && wanted !== undefined) return { kind, wanted };
  throw new InvalidArgumentError(
    `write revision=<40 hex digits>, or condition= and one of: ${CONDITIONS.join(', ')}`,
  );
}

async function wait(context: Context, name: string | undefined, flags: Flags): Promise<number> {
  const untilMs = performance.now() + flags.timeout;
  const follows = createFollows(flags.server);
  const look = async () =>
    findTarget(await readRepositories(flags.server), await readScopes(flags.server), name);
  const worthALook = createLooks(flags.server, LOOKS);
  let said = '';
  let first: Target | null = null;
  for (;;) {
    await worthALook({ untilMs });
    const before = await look();
    first ??= before;
    const isFollowed = flags.for.kind === 'condition' || (await follows(before.repository, flags.for.wanted));
    // What was read before the answer may be older than it.
    const target = isFollowed && flags.for.kind === 'revision' ? await look() : before;
    const isOld = flags.for.kind === 'revision' && isOldRefusal(first, target, flags.for.wanted);
    const left = { isFollowed, isOld, leftMs: untilMs - performance.now() };
    const { code, message } = judge(target, flags.for, left);
    if (code !== null) return ended(context, flags, target, { code, message });
    if (message !== said) context.terminal.say(`${target.name}: ${message}`);
    said = message;
    if (performance.now() >= untilMs) throw late(target, message, flags.timeout);
  }
}

function late({ name }: Target, message: string, timeoutMs: number): Failure {
  const fix = `fairlead trace ${name} says where it is; or wait longer with --timeout`;
  return new Failure('wait-timeout', `${name} in ${timeoutMs} ms: ${message}`, fix);
}

function ended(context: Context, flags: Flags, target: Target, { code, message }: Verdict): number {
  const { kind, name, repository, scopes } = target;
  const revisions = (kind === 'scope' ? scopes[0] : repository)?.revisions;
  const document = { target: { kind, name }, for: flags.for, met: code === exit.ok, message, revisions };
  const text = wrap(`${name}: ${message}; ${freshness(repository)}`, '  ');
  print(context, flags.output, { apiVersion: API_VERSION, kind: 'Wait', ...document }, () => text);
  return code ?? exit.error;
}

type Look = { readonly isFollowed: boolean; readonly isOld: boolean; readonly leftMs: number };

function judge(target: Target, wanted: For, { isFollowed, isOld, leftMs }: Look): Verdict {
  const refusal = refusalOf(target, isFollowed);
  if (refusal !== null && (isFollowed || !isOld)) return { code: exit.refused, message: refusal };
  const stop = wanted.kind === 'revision' ? stopOf(target, isFollowed) : null;
  if (stop !== null) return { code: endsWithin(leftMs, stop) ? null : exit.findings, message: stop.message };
  const tip = short(target.repository.followedTip);
  if (!isFollowed) {
    const also = refusal === null ? '' : `; ${refusal}`;
    return notYet(`follows ${tip}, not yet ${short(wanted.wanted)}${also}`);
  }
  return wanted.kind === 'revision' ? revision(target) : condition(target, wanted.wanted);
}

/** What waits for people, which no waiting brings about. What is held now may be what the awaited revision lifts. */
function refusalOf({ repository: { refused }, scopes }: Target, isFollowed: boolean): string | null {
  if (refused !== null)
    return `the tip ${short(refused.tip)} is refused (${refused.rule}): ${refused.reason}`;
  const held = scopes.flatMap(({ path, hold }) =>
    hold === null ? [] : [`${path} is held (${hold.rule}): ${hold.reason}`],
  );
  return held.length === 0 || !isFollowed ? null : held.join('; ');
}

/**
 * A refusal that no run has confirmed which began after we came may be of what the remote had before the awaited revision was
 * pushed.
 */
function isOldRefusal({ repository: then }: Target, { repository: now }: Target, wanted: string): boolean {
  const isSame = now.refused !== null && now.refused.tip === then.refused?.tip && now.refused.tip !== wanted;
  return isSame && (now.runs?.finished ?? 0) <= (then.runs?.started ?? 0);
}

type Stop = { readonly message: string; readonly untilMs: number | null };

/** What somebody has stopped keeps a revision from coming, or a scope from it. */
function stopOf({ repository, scopes }: Target, isFollowed: boolean): Stop | null {
  const kept = scopes.filter(({ sync }) => sync === 'OutOfSync');
  const [first] = (isFollowed ? kept : [repository]).filter(({ suspended = null }) => suspended !== null);
  if (first === undefined) return null;
  const { message } = conditionOf(first, 'Suspended');
  return { message, untilMs: first.suspended?.untilMs ?? null };
}

/** By the clocks of both machines, which may differ: then the wait ends by its timeout. */
function endsWithin(leftMs: number, { untilMs }: Stop): boolean {
  return untilMs !== null && untilMs - Date.now() < leftMs;
}

/** Each stage behind the followed tip: what is broken there stays so until somebody mends it. */
function revision({ repository, scopes, kind }: Target): Verdict {
  if (repository.appliedRevision !== repository.followedTip) return notYet('followed, and not served yet');
  const of = kind === 'scope' ? scopes : [repository];
  for (const type of ['Valid', 'Translated', 'Distributed']) {
    for (const one of of) {
      const { status, message } = conditionOf(one, type);
      if (status === 'False') return { code: exit.findings, message: `${type}: ${message}` };
      if (status === 'Unknown') return notYet(message);
    }
  }
  const { message } = conditionOf(of[0] ?? repository, 'Distributed');
  return { code: exit.ok, message: `${short(repository.appliedRevision)} is served: ${message}` };
}

function condition({ repository, scopes, kind }: Target, type: string): Verdict {
  const { status, reason, message } = conditionOf((kind === 'scope' ? scopes[0] : null) ?? repository, type);
  const said = `${type} is ${status} (${reason}): ${message}`;
  return status === 'True' ? { code: exit.ok, message: said } : notYet(said);
}

function notYet(message: string): Verdict {
  return { code: null, message };
}

type Follows = (repository: Target['repository'], commit: string) => Promise<boolean>;

/** Asks a server once for each tip that it follows and serves: what is not there yet may cost a walk of the history. */
function createFollows(server: string): Follows {
  let known: { readonly at: string; readonly followed: boolean } | null = null;
  return async ({ name, followedTip, appliedRevision }, commit) => {
    const at = `${followedTip} ${appliedRevision}`;
    if (known?.followed === true || known?.at === at) return known.followed;
    const path = `api/v1/repositories/${encodeURIComponent(name)}/commits/${commit}`;
    const { followed } = await readDocument(server, path);
    known = { at, followed: followed === true };
    return known.followed;
  };
}

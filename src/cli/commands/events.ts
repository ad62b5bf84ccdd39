import { Command, InvalidArgumentError, Option } from 'commander';
import { EVENT_TYPES } from '../../base/event-types.ts';
import { nearest } from '../../manifests/index.ts';
import type { Context } from '../context.ts';
import { milliseconds } from '../duration-option.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { API_VERSION, type Format, outputOption, print, table } from '../output.ts';
import { shortName } from '../proxy/find.ts';
import { followEvents, readEvents, type ServedEvent } from '../served/events.ts';
import { readRepositories, readScopes } from '../served/read.ts';
import { findTarget } from '../served/target.ts';
import { serverOption } from '../server-client.ts';
import { interruption } from '../watch.ts';

type Flags = {
  readonly output: Format;
  readonly server: string;
  readonly watch?: boolean;
  readonly for?: About;
  /** Milliseconds. */
  readonly since?: number;
  readonly types?: readonly string[];
};

const SORTS = ['repository', 'scope', 'proxy'] as const;
type About = { readonly sort: (typeof SORTS)[number]; readonly name: string };

export function eventsCommand(context: Context): Command {
  const lines = ['fairlead events --for scope/acme.payments', 'fairlead events --watch --types held,nack'];
  const command = new Command('events')
    .description('what happened at a running server, the oldest first')
    .option('-w, --watch', 'and what happens from now on, until Ctrl-C')
    .addOption(new Option('--for <what>', 'scope/<path>, repository/<name> or proxy/<id>').argParser(about))
    .addOption(new Option('--since <duration>', 'of the last 10m only').argParser(milliseconds))
    .addOption(new Option('--types <types>', 'held,released: only these').argParser(types))
    .addOption(outputOption())
    .addHelpText('after', examples(...lines));
  return serverOption(command, context).action(async (flags: Flags) =>
    context.finish(await (flags.watch === true ? follow(context, flags) : list(context, flags))),
  );
}

function about(text: string): About {
  const [, word, name = ''] = /^([a-z]+)\/(.+)$/.exec(text) ?? [];
  const sort = SORTS.find((one) => one === word);
  if (sort !== undefined) return { sort, name };
  throw new InvalidArgumentError('write scope/<path>, repository/<name> or proxy/<id>');
}

function types(text: string): readonly string[] {
  const words = text.split(',');
  const all: readonly string[] = EVENT_TYPES;
  const wrong = words.find((word) => !all.includes(word));
  if (wrong === undefined) return words;
  const meant = nearest(wrong, all);
  throw new InvalidArgumentError(
    meant === null ? `write some of: ${all.join(', ')}` : `did you mean ${meant}?`,
  );
}

async function list(context: Context, flags: Flags): Promise<number> {
  const { items, complete } = await readEvents(flags.server);
  const shown = items.filter(wantedBy({ ...flags, ...(await whole(flags, items)) }));
  if (!complete) context.terminal.say(MISSED);
  const document = { apiVersion: API_VERSION, kind: 'EventList', items: shown, complete };
  print(context, flags.output, document, () => table(HEAD, shown.map(cells)));
  return exit.ok;
}

const MISSED = 'older events are not kept any more';

async function follow(context: Context, flags: Flags): Promise<number> {
  const { terminal } = context;
  const { server, output } = flags;
  const signal = interruption(context);
  const kept = flags.for === undefined ? [] : (await readEvents(server)).items;
  const isWanted = wantedBy({ ...flags, ...(await whole(flags, kept)) });
  if (output !== 'json' && output !== 'yaml') terminal.out(line(HEAD));
  await followEvents(server, {
    signal,
    event(event) {
      if (!isWanted(event)) return;
      if (output === 'yaml') terminal.out('---\n');
      print(context, output, { apiVersion: API_VERSION, kind: 'Event', ...event }, () => line(cells(event)));
    },
    missed: () => terminal.say(MISSED),
    away: ({ message, code }) => terminal.say(`${message} [${code}]: asking again`),
  });
  return exit.ok;
}

/**
 * What is asked about, by its whole name. Nothing is heard of what is not there: a slip is told. What has ended, and proxies
 * that left, have had their events.
 */
async function whole(
  { server, for: asked }: Flags,
  kept: readonly ServedEvent[],
): Promise<Pick<Flags, 'for'>> {
  if (asked === undefined || asked.sort === 'proxy' || kept.some(isAbout(asked))) return {};
  const [repositories, scopes] = [await readRepositories(server), await readScopes(server)];
  const { kind, name } = findTarget(repositories, scopes, asked.name, asked.sort);
  return { for: { sort: kind, name } };
}

function wantedBy({ since, types: wanted, for: asked }: Flags): (event: ServedEvent) => boolean {
  const fromMs = since === undefined ? Number.NEGATIVE_INFINITY : Date.now() - since;
  const isIt = asked === undefined ? () => true : isAbout(asked);
  return (event) => event.timeMs >= fromMs && (wanted?.includes(event.type) ?? true) && isIt(event);
}

/** Of a repository, with those of its scopes. */
function isAbout({ sort, name }: About): (event: ServedEvent) => boolean {
  if (sort !== 'proxy') return (event) => event[sort] === name;
  return ({ proxy }) => proxy !== null && [proxy, shortName(proxy)].includes(name);
}

const HEAD = ['AT', 'TYPE', 'OBJECT', 'MESSAGE'];
/** What is known of their widths before they come. */
const WIDTHS = [24, 12, 24, 0];

function line(row: readonly string[]): string {
  return `${row.map((cell, at) => cell.padEnd(WIDTHS[at] ?? 0)).join('  ')}\n`;
}

function cells({ timeMs, type, repository, scope, proxy, message }: ServedEvent): readonly string[] {
  const object =
    proxy !== null
      ? `proxy/${shortName(proxy)}`
      : scope !== null
        ? `scope/${scope}`
        : `repository/${repository ?? ''}`;
  return [new Date(timeMs).toISOString(), type, object, message.replaceAll('\n', ' ')];
}

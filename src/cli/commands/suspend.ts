import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { durationMs } from '../../manifests/index.ts';
import { brakeOptions, operatorToken, printBrake, type WhoAndWhy } from '../brake.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { brake, serverOption } from '../server-client.ts';

type End = Readonly<Partial<Record<'forMs' | 'untilMs', string>>>;
type Flags = WhoAndWhy & { readonly until?: End };

export function suspendCommand(context: Context): Command {
  const command = new Command('suspend')
    .description('keeps a repository or a scope of a running server as it is')
    .addArgument(new Argument('<name>', 'a repository, a scope, or repository/<name>, scope/<path>'))
    .addOption(
      new Option('--until <when>', 'a duration (2h) or a time (2026-12-01T08:00:00Z)').argParser(end),
    )
    .addHelpText(
      'after',
      examples('fairlead suspend acme.payments --until 2h --reason "incident 4711: no changes to payments"'),
    );
  return brakeOptions(serverOption(command, context)).action(async (name: string, flags: Flags) => {
    const { server, reason, by, until = {} } = flags;
    const token = operatorToken(context, flags);
    const suspension = await brake(server, 'suspend', name, { reason, by, ...until }, token);
    context.finish(await printBrake(context, flags, suspension));
  });
}

/** Whoever means longer leaves `--until` out. */
const MAX_HOURS = 10 * 365 * 24;
const TOO_LONG = `write at most ${MAX_HOURS}h (10 years); without --until it lasts until somebody resumes`;

/** By the server's clock where it is a duration. */
function end(text: string): End {
  const forMs = /^([0-9]+(ms|s|m|h))+$/.test(text) ? durationMs(text) : 0;
  if (forMs > MAX_HOURS * 3_600_000) throw new InvalidArgumentError(TOO_LONG);
  if (forMs > 0) return { forMs: String(forMs) };
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const untilMs = isTime ? Date.parse(text) : Number.NaN;
  if (untilMs - Date.now() > MAX_HOURS * 3_600_000) throw new InvalidArgumentError(TOO_LONG);
  if (untilMs > 0) return { untilMs: String(Math.trunc(untilMs)) };
  throw new InvalidArgumentError('write a duration such as 30m, or a time such as 2026-12-01T08:00:00Z');
}

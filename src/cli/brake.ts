import { userInfo } from 'node:os';
import { type Command, Option } from 'commander';
import type { Context } from './context.ts';
import { exit } from './exit.ts';
import { API_VERSION, type Format, outputOption, print } from './output.ts';

/** What every command says that stops changes, or lets them go on. */
export type WhoAndWhy = {
  readonly server: string;
  readonly output: Format;
  readonly reason: string;
  readonly by: string;
};

export function brakeOptions(command: Command): Command {
  return command
    .requiredOption('--reason <text>', 'why: everybody who looks at the status reads it')
    .addOption(new Option('--by <name>', 'who').default(user(), 'the name of this user'))
    .addOption(outputOption());
}

/** A user that the system does not know has a number alone. */
function user(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}

export function printBrake(
  context: Context,
  { output }: WhoAndWhy,
  suspension: Readonly<Record<string, unknown>>,
): number {
  const { repository, scope, state, by, reason, untilMs } = suspension;
  const path = typeof scope === 'object' && scope !== null && 'path' in scope ? scope.path : null;
  const seq = typeof scope === 'object' && scope !== null && 'seq' in scope ? ` at seq ${scope.seq}` : '';
  const what = path === null ? `repository ${repository}` : `${path}${state === 'Suspended' ? seq : ''}`;
  const until = typeof untilMs === 'number' ? `, until ${new Date(untilMs).toISOString()}` : '';
  print(context, output, { ...suspension, apiVersion: API_VERSION, kind: 'Suspension' }, () => {
    return `${what}: ${String(state).toLowerCase()} by ${by}${until}: ${reason}\n`;
  });
  return exit.ok;
}

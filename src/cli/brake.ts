import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { Failure } from '../base/failure.ts';
import { must } from '../base/must.ts';
import { OPERATOR_TOKEN } from '../base/operator-token.ts';
import { readSecretFile } from '../base/secret-file.ts';
import type { Flags as ConfigFlags } from '../config.ts';
import type { Context } from './context.ts';
import { exit } from './exit.ts';
import { API_VERSION, type Format, outputOption, print } from './output.ts';
import { readRepositories } from './served/read.ts';
import type { Token } from './server-client.ts';
import { visible } from './terminal.ts';

/** What every command says that stops changes, or lets them go on. */
export type WhoAndWhy = {
  readonly server: string;
  readonly output: Format;
  readonly reason: string;
  readonly by: string;
  readonly tokenFile?: string;
} & Pick<ConfigFlags, 'config' | 'dataDir'>;

export function brakeOptions(command: Command): Command {
  return command
    .requiredOption('--reason <text>', 'why: everybody who looks at the status reads it')
    .addOption(new Option('--by <name>', 'who').default(user(), 'the name of this user'))
    .option('--config <file>', 'of the server, where it says the data folder')
    .option('--data-dir <folder>', `of the server: who can read ${OPERATOR_TOKEN} in it may do this`)
    .option('--token-file <file>', 'that file, or a copy of it')
    .addOption(outputOption());
}

/** What the file says that the flags name, or that in the data folder of the server. Throws Failure operator-token-unusable, config-invalid. */
export function operatorToken(context: Context, { tokenFile, config, dataDir }: WhoAndWhy): Token {
  return async () => {
    const flags = { ...(config && { config }), ...(dataDir && { dataDir }) };
    const file =
      tokenFile === undefined
        ? join(must((await context.readConfig(flags)).config.dataDir), OPERATOR_TOKEN)
        : resolve(context.cwd, tokenFile);
    return readSecretFile(file).catch((cause: unknown) => {
      const message = cause instanceof Error ? cause.message : String(cause);
      const fix =
        'as the user of the running server, name its folder with --data-dir, or the file with --token-file';
      throw new Failure('operator-token-unusable', message, fix, { cause });
    });
  };
}

/** A user that the system does not know has a number alone. */
function user(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}

/** What is in force; and that other replicas do not hear of it yet, where that is so. The exit code. */
export async function printBrake(
  context: Context,
  { output, server }: WhoAndWhy,
  suspension: Readonly<Record<string, unknown>>,
): Promise<number> {
  const { repository, scope, state, by, reason, untilMs } = suspension;
  const path = typeof scope === 'object' && scope !== null && 'path' in scope ? scope.path : null;
  const seq = typeof scope === 'object' && scope !== null && 'seq' in scope ? ` at seq ${scope.seq}` : '';
  const what = path === null ? `repository ${repository}` : `${path}${state === 'Suspended' ? seq : ''}`;
  const until = typeof untilMs === 'number' ? `, until ${new Date(untilMs).toISOString()}` : '';
  print(context, output, { ...suspension, apiVersion: API_VERSION, kind: 'Suspension' }, () => {
    return `${what}: ${String(state).toLowerCase()} by ${by}${until}: ${reason}\n`;
  });
  // It is in force here, whatever the server answers now.
  const repositories = await readRepositories(server).catch(() => []);
  const { conditions = [] } = repositories.find(({ name }) => name === repository) ?? {};
  const alone = conditions.find(({ type, reason: why }) => type === 'Witnessed' && why === 'WithoutRedis');
  if (alone !== undefined)
    context.terminal.say(`other replicas do not hear of it before Redis is back: ${visible(alone.message)}`);
  return exit.ok;
}

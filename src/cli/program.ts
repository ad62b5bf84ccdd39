import { Command, CommanderError } from 'commander';
import { Failure } from '../base/failure.ts';
import { version } from '../base/version.ts';
import { commandsFor } from './commands/index.ts';
import type { Context, Surroundings } from './context.ts';
import { exit } from './exit.ts';
import { Refusal } from './refusal.ts';
import { openTerminal } from './terminal.ts';

/** Runs one command line (without `node` and the script); the exit code. Never throws for what a user did. */
export async function runCommandLine(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const { environment, stdin, stdout, stderr } = surroundings;
  const terminal = openTerminal({ stdin, stdout, stderr }, environment);
  const code = await runCommand(argv, { ...surroundings, terminal });
  const unwritten = await terminal.unwritten();
  if (unwritten === null) return code;
  const message = `standard output cannot be written: ${unwritten.message}`;
  return fail(terminal, new Failure('output-unwritable', message, 'make room, or write it elsewhere'));
}

async function runCommand(
  argv: readonly string[],
  context: Omit<Context, 'opened' | 'finish'>,
): Promise<number> {
  const { terminal } = context;
  await using opened = new AsyncDisposableStack();
  let code: number = exit.ok;
  const finish = (given: number) => {
    code = given;
  };
  try {
    const program = await buildProgram({ ...context, opened, finish }, argv[0]);
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.ok : exit.usage;
    if (error instanceof Refusal) {
      terminal.say(`refused (${error.rule}): ${error.message}`);
      return exit.refused;
    }
    if (!(error instanceof Failure)) {
      // A bug. Node's own code for it, 1, would read as "differences".
      terminal.say(`bug: ${error instanceof Error ? error.stack : String(error)}`);
      return exit.error;
    }
    return fail(terminal, error);
  }
}

function fail(terminal: Context['terminal'], { message, code, fix }: Failure): number {
  terminal.say(`error: ${message} [${code}]`);
  terminal.say(`  fix: ${fix}`);
  return code.endsWith('timeout') ? exit.timeout : exit.error;
}

/** With what the first word needs. */
async function buildProgram(context: Context, first: string | undefined): Promise<Command> {
  const program = new Command('fairlead')
    .description("Only a quorum of a scope's own anchors can change that scope.")
    .version(version(), '--version')
    .helpCommand(false)
    .addHelpText('after', '\nTry it: fairlead demo');
  const output = {
    writeOut: (text: string) => context.terminal.out(text),
    writeErr: (text: string) => context.terminal.say(text.trimEnd()),
    getOutHelpWidth: () => 80,
    getErrHelpWidth: () => 80,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  };
  program.configureOutput(output).exitOverride().showHelpAfterError('  fix: see fairlead --help');
  for (const build of await commandsFor(first)) program.addCommand(inherit(build(context), program));
  if (first !== '__complete') return program;
  const { completeCommand } = await import('./completion/command.ts');
  return program.addCommand(inherit(completeCommand(context, program), program), { hidden: true });
}

/** Commander passes settings on only to commands that it makes itself. `words`: what stands before its name. */
function inherit(command: Command, parent: Command, words = 'fairlead'): Command {
  const called = `${words} ${command.name()}`;
  command.copyInheritedSettings(parent).showHelpAfterError(`  fix: see ${called} --help`);
  for (const inner of command.commands) inherit(inner, command, called);
  return command;
}

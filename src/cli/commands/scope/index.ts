import { Command } from 'commander';
import type { Context } from '../../context.ts';
import { reconfigureCommand } from './reconfigure.ts';

/** Each prepares a change as a branch that others sign. The second of them is one file and one line here. */
const commands = [reconfigureCommand];

export function scopeCommand(context: Context): Command {
  const command = new Command('scope').description(
    'prepares a change of a scope itself, for its anchors to sign',
  );
  for (const build of commands) command.addCommand(build(context));
  return command;
}

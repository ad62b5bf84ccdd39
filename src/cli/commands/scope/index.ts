import { Command } from 'commander';
import type { Context } from '../../context.ts';
import { examples } from '../../examples.ts';
import { createCommand } from './create.ts';
import { dissolveCommand } from './dissolve.ts';
import { mergeCommand } from './merge.ts';
import { moveCommand } from './move.ts';
import { reconfigureCommand, recoverCommand } from './reconfigure.ts';
import { splitCommand } from './split.ts';
import { undelegateCommand } from './undelegate.ts';

/** Each prepares a change as a branch that others sign. The second of them is one file and one line here. */
const commands = [
  createCommand,
  splitCommand,
  mergeCommand,
  moveCommand,
  reconfigureCommand,
  recoverCommand,
  dissolveCommand,
  undelegateCommand,
];

export function scopeCommand(context: Context): Command {
  const command = new Command('scope')
    .addHelpText('after', examples('fairlead scope create --help'))
    .description('prepares a change of a scope itself, for its anchors to sign');
  for (const build of commands) command.addCommand(build(context));
  return command;
}

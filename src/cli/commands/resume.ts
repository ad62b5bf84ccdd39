import { Argument, Command } from 'commander';
import { brakeOptions, operatorToken, printBrake, type WhoAndWhy } from '../brake.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { brake, serverOption } from '../server-client.ts';

export function resumeCommand(context: Context): Command {
  const command = new Command('resume')
    .description('lets go on what `fairlead suspend` has stopped')
    .addArgument(new Argument('<name>', 'as it was suspended'))
    .addHelpText('after', examples('fairlead resume acme.payments --reason "incident 4711 is over"'));
  return brakeOptions(serverOption(command, context)).action(async (name: string, flags: WhoAndWhy) => {
    const { server, reason, by } = flags;
    const token = operatorToken(context, flags);
    const suspension = await brake(server, 'resume', name, { reason, by }, token);
    context.finish(await printBrake(context, flags, suspension));
  });
}

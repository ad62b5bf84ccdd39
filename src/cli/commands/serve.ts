import { Command, Option } from 'commander';
import { type Flags, flagOf, formatConfig } from '../../config.ts';
import { type SettingName, settings } from '../../settings.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';

type ServeFlags = Flags & { readonly printConfig?: boolean };

/** Declares the options; `settings.ts` lists them and `config.ts` merges them. */
export function serveCommand(context: Context): Command {
  return serverOptions(
    new Command('serve')
      .addHelpText(
        'after',
        examples(
          'fairlead serve --repository https://git.example/mesh.git --pin pin.json',
          'fairlead serve --config fairlead.yaml --print-config',
        ),
      )
      .description('runs the control plane: follows a repository and serves what was accepted to proxies'),
  )
    .option('--print-config', 'print what is in force and who said it, as a file, and end')
    .action(async ({ printConfig, ...flags }: ServeFlags) => {
      if (printConfig !== true) return context.finish(await context.serve(flags));
      context.terminal.out(formatConfig(await context.readConfig(flags)));
      return context.finish(exit.ok);
    });
}

/** An option for each setting of the server. */
export function serverOptions(command: Command): Command {
  // The longest flag leaves its help less room than commander would wrap in.
  command.configureHelp({ minWidthToWrap: 30 });
  command.option('--config <file>', 'a ServerConfig file; flags and FAIRLEAD_* go before it');
  for (const name of Object.keys(settings) as SettingName[]) {
    const { argument, help, otherwise, choices } = settings[name];
    const standard = typeof otherwise === 'string' ? ` (default: ${otherwise})` : '';
    const option = new Option(`${flagOf(name)} ${argument}`, `${help}${standard}`);
    // What is wrong is said in the words of the configuration, wherever it was given.
    if (choices.length > 0) option.argChoices = [...choices];
    command.addOption(option);
  }
  return command;
}

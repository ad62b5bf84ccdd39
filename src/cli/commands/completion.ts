import { Argument, Command } from 'commander';
import { SHELLS, type Shell, scripts } from '../completion/scripts.ts';
import type { Context } from '../context.ts';
import { exit } from '../exit.ts';

export function completionCommand(context: Context): Command {
  return new Command('completion')
    .description('prints what makes a shell complete commands, options, scopes, branches and proxies')
    .addArgument(new Argument('<shell>', 'whose script').choices(SHELLS))
    .addHelpText('after', INSTALL)
    .action((shell: Shell) => {
      context.terminal.out(scripts[shell]);
      context.finish(exit.ok);
    });
}

const INSTALL = `
Examples, for every session:
  bash        echo 'source <(fairlead completion bash)' >> ~/.bashrc
  zsh         echo 'source <(fairlead completion zsh)' >> ~/.zshrc
              (after compinit)
  fish        fairlead completion fish > ~/.config/fish/completions/fairlead.fish
  PowerShell  fairlead completion powershell | Out-String | Invoke-Expression
              (in $PROFILE)`;

import { Command } from 'commander';
import type { Context } from '../context.ts';
import { exit } from '../exit.ts';
import { complete } from './complete.ts';
import { namesOf } from './names.ts';

/** What the shells' scripts call; `scripts.ts` says how. It is silent about whatever goes wrong. */
export function completeCommand(context: Context, program: Command): Command {
  return new Command('__complete')
    .argument('[words...]')
    .requiredOption('--at <index>')
    .action(async (words: readonly string[], { at }: { readonly at: string }) => {
      const { candidates, files } = await complete(program, words, Number(at), namesOf(context));
      const lines = candidates.map(
        ({ value, description }) => `${oneLine(value)}\t${oneLine(description)}\n`,
      );
      context.terminal.out(`${lines.join('')}:${files ? 'files' : 'none'}\n`);
      context.finish(exit.ok);
    });
}

/** Names come from others, and a shell reads line by line. */
function oneLine(text: string): string {
  return text.replace(/\p{C}/gu, ' ');
}

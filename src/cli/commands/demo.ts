import { Command } from 'commander';
import type { Context } from '../context.ts';
import { createNarrator, lookAround } from '../demo/render.ts';
import { tellStory } from '../demo/story.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';

type Flags = { readonly keep?: boolean };

/** As a shell reports a process that SIGINT ended. */
const INTERRUPTED = 130;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function demoCommand(context: Context): Command {
  return new Command('demo')
    .addHelpText('after', examples('fairlead demo --keep'))
    .description('a signed merge moves the traffic of a real Envoy, an unsigned one does not; under a minute')
    .option('--keep', 'leave everything running until Ctrl-C')
    .action(async ({ keep }: Flags) => context.finish(await demo(context, keep === true ? 'keep' : 'end')));
}

/** Whatever happens, what was started is ended and what was made is removed, in reverse order. */
async function demo(context: Context, then: 'keep' | 'end'): Promise<number> {
  const interrupted = Promise.withResolvers<'interrupted'>();
  const onSignal = () => interrupted.resolve('interrupted');
  // They stay: a second Ctrl-C must not stop the cleaning up.
  for (const signal of SIGNALS) process.on(signal, onSignal);
  const undo = new AsyncDisposableStack();
  try {
    const outcome = await Promise.race([story(context, then, undo), interrupted.promise]);
    if (outcome === 'interrupted') return INTERRUPTED;
    if (then === 'keep') await interrupted.promise;
    return exit.ok;
  } finally {
    await undo.disposeAsync();
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

async function story(context: Context, then: 'keep' | 'end', undo: AsyncDisposableStack): Promise<'told'> {
  const tell = createNarrator(context.terminal);
  const look = await tellStory(context, tell, (step) => {
    // Interrupted meanwhile: nobody else is going to undo what has just been started.
    if (undo.disposed) void step();
    else undo.defer(async () => void (await step()));
  });
  tell.end();
  context.terminal.out(lookAround(look, then));
  return 'told';
}

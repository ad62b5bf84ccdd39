import { Command } from 'commander';
import type { Context } from '../context.ts';
import { createNarrator } from '../demo/render.ts';
import { type Look, tellStory } from '../demo/story.ts';
import { exit } from '../exit.ts';

type Flags = { readonly keep?: boolean };

/** As a shell reports a process that SIGINT ended. */
const INTERRUPTED = 130;

export function demoCommand(context: Context): Command {
  return new Command('demo')
    .description('a signed merge moves the traffic of a real Envoy, an unsigned one does not; under a minute')
    .option('--keep', 'leave everything running until Ctrl-C')
    .action(async (flags: Flags) => context.finish(await demo(context, flags)));
}

/** Whatever happens, what was started is ended and what was made is removed, in reverse order. */
async function demo(context: Context, { keep }: Flags): Promise<number> {
  const { terminal } = context;
  const stop = Promise.withResolvers<never>();
  // A repeated Ctrl-C does not stop the cleaning up.
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = () => stop.reject(new Interrupted());
  for (const signal of signals) process.on(signal, onSignal);
  let told = false;
  const undo = new AsyncDisposableStack();
  const story = (async () => {
    const look = await tellStory(context, createNarratorOf(context), (step) => {
      // After the interruption: what is started now has to be undone by whoever starts it.
      if (undo.disposed) void step();
      else undo.defer(async () => void (await step()));
    });
    told = true;
    terminal.out(lookAround(look, keep === true));
    if (keep === true) await stop.promise;
  })();
  try {
    await Promise.race([story, stop.promise]);
    return exit.ok;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    return told ? exit.ok : INTERRUPTED;
  } finally {
    await undo.disposeAsync();
    for (const signal of signals) process.off(signal, onSignal);
  }
}

class Interrupted extends Error {}

import { Failure } from '../base/failure.ts';
import type { Context } from './context.ts';
import { exit } from './exit.ts';
import { type Document, type Format, print } from './output.ts';

/** One look at something that changes. */
export type View = {
  readonly document: Document;
  readonly text: string;
  /** What `text` says, line by line as it was when it changed last; what only grows older is not in them. */
  readonly rows: readonly string[];
};

type Looking = {
  readonly look: () => Promise<View>;
  /** Ends when it is time for one. */
  readonly worthALook: (until: { readonly signal: AbortSignal }) => Promise<void>;
};

/**
 * Shows a view whenever it changes, until Ctrl-C or until nobody reads: redrawn on a terminal; elsewhere only the rows
 * that changed, and of `-o json|yaml` each document that differs in them. A server that does not answer once is asked again;
 * one that never did ends it.
 */
export async function watch(
  context: Context,
  format: Format,
  { look, worthALook }: Looking,
): Promise<number> {
  const { terminal } = context;
  const signal = interruption(context);
  let before: View | null = null;
  let isAway = false;
  for (;;) {
    await worthALook({ signal });
    if (signal.aborted) return exit.ok;
    const now: View | null = await look().catch((error: unknown) => {
      if (before === null || !(error instanceof Failure)) throw error;
      if (!isAway) terminal.say(`${error.message} [${error.code}]: asking again`);
      return null;
    });
    isAway = now === null;
    if (now !== null) {
      show(context, format, before, now);
      before = now;
    }
  }
}

function show(context: Context, format: Format, before: View | null, now: View): void {
  const { terminal } = context;
  const isDocument = format === 'json' || format === 'yaml';
  if (terminal.isLive && !isDocument) {
    terminal.redraw(now.text);
    return;
  }
  const rows = now.rows.filter((row) => before === null || !before.rows.includes(row));
  if (before !== null && rows.length === 0 && before.rows.length === now.rows.length) return;
  const text = before === null ? now.text : `${rows.join('\n')}\n`;
  if (format === 'yaml' && before !== null) terminal.out('---\n');
  if (isDocument || text.trim() !== '') print(context, format, now.document, () => text);
}

/** Aborted by Ctrl-C, when somebody ends the process, or when nobody reads any more: what was shown stays, and the command is done. */
export function interruption({ opened, terminal }: Context): AbortSignal {
  const controller = new AbortController();
  const stop = () => controller.abort();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, stop); // A second one ends the process at once.
    opened.defer(() => void process.off(name, stop));
  }
  return AbortSignal.any([controller.signal, terminal.gone]);
}

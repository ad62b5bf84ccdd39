import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';

type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan';

/** Where a command writes. Lines end with one line feed; nothing is coloured off a terminal. */
export type Terminal = {
  /** Data. */
  out(text: string): void;
  /** Data goes to a terminal, which can show something else in its place. */
  readonly isLive: boolean;
  /** Puts a text in the place of all that a live terminal shows. */
  redraw(text: string): void;
  /** Aborted when nobody reads the data any more. */
  readonly gone: AbortSignal;
  /** Why not all data could be written; null: it was, or nobody wants more of it. */
  unwritten(): Promise<Error | null>;
  /** Chatter and progress. */
  say(line: string): void;
  paint(style: Style, text: string): string;
  /** Asks a yes-or-no question; null when nobody is there to answer. */
  confirm(question: string): Promise<boolean | null>;
  /** Asks for a line, empty for what stands in brackets; null when nobody is there to answer. */
  ask(question: string): Promise<string | null>;
};

/** Cursor home, and nothing below it. */
const CLEAR = '\x1b[H\x1b[2J';

/** Names and messages come from others: nothing of them moves a cursor or sets a colour. */
export function visible(text: string): string {
  return text.replace(/[^\P{C}\n\t]/gu, '?');
}

export type Streams = {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
};

export function openTerminal(
  { stdin, stdout, stderr }: Streams,
  environment: Readonly<Record<string, string | undefined>>,
): Terminal {
  const gone = new AbortController();
  let failure: Error | null = null;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    gone.abort();
    // Whoever reads us may have read enough: `fairlead lineage acme | head`.
    if (error.code !== 'EPIPE') failure ??= error;
  });
  // What is said beside the data, and the log of a server, may have no reader and no room: the work goes on.
  stderr.on('error', () => {});
  const colour = stdout.isTTY === true && (environment.NO_COLOR ?? '') === '';
  const ask: Terminal['ask'] = async (question) => {
    if (stdin.isTTY !== true || stderr.isTTY !== true) return null;
    const lines = createInterface({ input: stdin, output: stderr });
    const answer = await lines.question(`${question} `);
    lines.close();
    return answer.trim();
  };
  return {
    out: (text) => void stdout.write(text.endsWith('\n') ? text : `${text}\n`),
    isLive: stdout.isTTY === true,
    redraw: (text) => void stdout.write(`${CLEAR}${visible(text)}`),
    gone: gone.signal,
    async unwritten() {
      await new Promise((resolve) => setImmediate(resolve)); // A stream says it in a turn of its own.
      return failure;
    },
    say: (line) => void stderr.write(`${line}\n`),
    paint: (style, text) => (colour ? styleText(style, text, { validateStream: false }) : text),
    ask,
    async confirm(question) {
      const answer = await ask(`${question} [y/N]`);
      return answer === null ? null : /^y(es)?$/i.test(answer);
    },
  };
}

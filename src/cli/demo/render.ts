import { wrap } from '../output.ts';
import type { Terminal } from '../terminal.ts';
import type { Timing } from './server.ts';
import type { Look } from './story.ts';
import { percent, type Traffic } from './traffic.ts';

/** Tells the story on standard output, 80 columns wide. */
export interface Narrator {
  /** A step begins; the time of the one before it is printed. */
  step(title: string): void;
  /** A command that is really run. */
  command(words: readonly string[]): void;
  say(text: string): void;
  /** What a command printed. */
  quote(text: string): void;
  traffic(traffic: Traffic): void;
  timing(timing: Timing): void;
  /** The last step's time, and the whole. */
  end(): void;
}

const BAR = 40;

export function createNarrator({ out, paint }: Terminal): Narrator {
  const startedMs = performance.now();
  let stepMs: number | null = null;
  const closeStep = () => {
    if (stepMs !== null) out(paint('dim', `    (${seconds(performance.now() - stepMs)})\n`));
    stepMs = performance.now();
  };
  return {
    step(title) {
      closeStep();
      out(paint('bold', wrap(title, '    ', 80)));
    },
    command: (words) => out(paint('cyan', wrap(`    $ ${words.map(quoted).join(' ')}`, '        ', 80))),
    say: (text) => out(wrap(`    ${text}`, '    ', 80)),
    quote: (text) => out(text.trimEnd().replace(/^/gm, '    | ').replace(/ +$/gm, '')),
    traffic(traffic) {
      const share = percent(traffic, 'v2');
      const filled = Math.round((share / 100) * BAR);
      const bar = `${'1'.repeat(BAR - filled)}${paint('green', '2'.repeat(filled))}`;
      out(`    ${traffic.total} requests through Envoy`);
      out(`    [${bar}] v1 ${(100 - share).toFixed(1)} %  v2 ${share.toFixed(1)} %`);
    },
    timing({ totalMs, stages }) {
      out(paint('green', `    push -> ACK of Envoy: ${totalMs.toFixed(0)} ms`));
      out(`    = ${stages.map(([name, ms]) => `${name} ${ms.toFixed(0)}`).join(' + ')}`);
    },
    end() {
      closeStep();
      out(paint('bold', `done in ${seconds(performance.now() - startedMs)}`));
    },
  };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`;
}

/** How to look around: now, or in another run. */
export function lookAround({ server, clone, httpProxy, host }: Look, then: 'keep' | 'end'): string {
  if (then === 'end') return 'look around: npx fairlead demo --keep leaves everything running until Ctrl-C';
  return `still running; Ctrl-C ends it and removes everything
  fairlead status --server ${server}
  fairlead proxy-status --server ${server}
  fairlead lineage acme -C ${clone}
  curl -x http://127.0.0.1:${httpProxy} http://${host}/`;
}

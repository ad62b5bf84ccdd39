import { type Hook, type RunTrace, type TraceClock, traceRun } from './run-trace.ts';
import type { Attributes, Tracer } from './tracer.ts';

/** What is followed, as the configuration has it. */
export type Followed = { readonly name: string; readonly repository: string; readonly branch: string };

/** One trace for each run, from what caused it. */
export interface Traces {
  /** Somebody hinted at a repository: what runs next is for that. */
  hinted(repository: string, hook: Hook | null): void;
  /** A run begins. */
  began(repository: string): RunTrace;
  /** What still goes on ends here, and is sent for as long as that may take. */
  close(): Promise<void>;
}

/** After so long a hint has been served by the run of another replica, or by one that was on its way. */
export const FORGET_MS = 30_000;

export function createTraces(tracer: Tracer, clock: TraceClock, followed: readonly Followed[]): Traces {
  const attributes = new Map(followed.map((one) => [one.name, attributesOf(one)]));
  /** Hinted at, and not begun. */
  const coming = new Map<string, { readonly trace: RunTrace; readonly cancel: () => void }>();
  const open = new Set<RunTrace>();
  const begin = (repository: string, cause: Hook | 'poll' | null) => {
    const about = { repository, attributes: attributes.get(repository) ?? {}, cause };
    const trace = traceRun({ ...about, tracer, clock, onEnd: (ended) => open.delete(ended) });
    open.add(trace);
    return trace;
  };
  const expect = (repository: string, hook: Hook | null) => {
    const trace = begin(repository, hook);
    const cancel = clock.after(FORGET_MS, () => {
      coming.delete(repository);
      trace.forgotten();
    });
    coming.set(repository, { trace, cancel });
  };
  return {
    hinted(repository, hook) {
      const known = coming.get(repository);
      if (known === undefined) expect(repository, hook);
      else if (hook !== null) known.trace.hooked(hook);
    },
    began(repository) {
      const known = coming.get(repository);
      known?.cancel();
      coming.delete(repository);
      const trace = known?.trace ?? begin(repository, 'poll');
      trace.began();
      return trace;
    },
    async close() {
      for (const { cancel } of coming.values()) cancel();
      for (const trace of [...open]) trace.close();
      await tracer.close();
    },
  };
}

/** Semantic conventions, VCS. A URL may hold a token in the place of a user. */
function attributesOf({ repository, branch }: Followed): Attributes {
  const url = URL.parse(repository);
  const head = { 'vcs.ref.head.name': branch, 'vcs.ref.head.type': 'branch' };
  if (url === null || !/^https?:$/.test(url.protocol)) return head;
  [url.username, url.password, url.search] = ['', '', ''];
  return { ...head, 'vcs.repository.url.full': url.href };
}

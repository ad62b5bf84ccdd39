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

export function createTraces(tracer: Tracer, clock: TraceClock, followed: readonly Followed[]): Traces {
  const attributes = new Map(followed.map((one) => [one.name, attributesOf(one)]));
  /** Hinted at, and not begun. */
  const coming = new Map<string, RunTrace>();
  const open = new Set<RunTrace>();
  const begin = (repository: string, cause: Hook | 'poll' | null) => {
    const about = { repository, attributes: attributes.get(repository) ?? {}, cause };
    const trace = traceRun({ ...about, tracer, clock, onEnd: (ended) => open.delete(ended) });
    open.add(trace);
    return trace;
  };
  return {
    hinted(repository, hook) {
      const known = coming.get(repository);
      if (known === undefined) coming.set(repository, begin(repository, hook));
      else if (hook !== null) known.hooked(hook);
    },
    began(repository) {
      const trace = coming.get(repository) ?? begin(repository, 'poll');
      coming.delete(repository);
      trace.began();
      return trace;
    },
    async close() {
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

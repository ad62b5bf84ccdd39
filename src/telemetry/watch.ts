import type { Metrics } from './metrics.ts';
import type { RunTrace } from './run-trace.ts';

export type Step = 'fetch' | 'verify' | 'witness' | 'load' | 'translate' | 'publish';
export type RunEnd =
  | { readonly result: 'followed' | 'unchanged' | 'stale' }
  | { readonly result: 'refused'; readonly rule: string }
  | { readonly result: 'failed'; readonly code: string; readonly message: string };

/** What one run tells, as `reconcile` has it. */
export interface Watch {
  readonly trace: string;
  step(name: Step): void;
  offered(tip: string): void;
  judged(result: 'followed' | 'same' | 'stale' | 'refused', rule: string): void;
  pushed(proxies: number): void;
  ended(end: RunEnd): void;
  acked(): void;
}

type WatchOptions = {
  readonly metrics: Metrics;
  readonly steadyMs: () => number;
  readonly trace: RunTrace;
  /** The status may have changed. */
  readonly look: () => void;
  /** It runs no more. */
  readonly over: () => void;
};

/** Counts one run. The committer's clock is not asked: a commit counts from when this server could know of it. */
export function watchRun({ metrics, steadyMs, trace, look, over }: WatchOptions): Watch {
  const startMs = steadyMs();
  let stepMs = startMs;
  let step: Step | null = null;
  const sinceStep = () => (steadyMs() - stepMs) / 1_000;
  return {
    trace: trace.id,
    step(name) {
      trace.step(name);
      if (step === 'fetch') metrics.gitRequests.inc({ op: 'fetch', result: 'ok' });
      step = name;
      stepMs = steadyMs();
    },
    offered: (tip) => trace.offered(tip),
    judged(result, reason) {
      trace.judged(result, reason);
      metrics.verifications.inc({ result, reason });
      metrics.verifySeconds.observe(sinceStep());
    },
    pushed: (proxies) => trace.pushed(proxies),
    ended(end) {
      over();
      trace.ended(end);
      if (step === 'fetch' && end.result === 'failed')
        metrics.gitRequests.inc({ op: 'fetch', result: end.code });
      look();
      metrics.reconciles.inc({ result: end.result });
      metrics.reconcileSeconds.observe({ result: end.result }, (steadyMs() - startMs) / 1_000);
    },
    acked() {
      trace.acked();
      look();
      metrics.commitToAck.observe((steadyMs() - trace.learntMs) / 1_000);
    },
  };
}

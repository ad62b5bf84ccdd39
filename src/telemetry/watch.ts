import type { Metrics } from './metrics.ts';

type Step = 'fetch' | 'verify' | 'load' | 'translate' | 'publish';
type End =
  | { readonly result: 'followed' | 'unchanged' | 'stale' }
  | { readonly result: 'refused'; readonly rule: string }
  | { readonly result: 'failed'; readonly code: string };

/** What one run tells, as `reconcile` has it. */
export interface Watch {
  readonly trace: string;
  step(name: Step): void;
  judged(result: 'followed' | 'same' | 'stale' | 'refused', rule: string): void;
  ended(end: End): void;
  acked(): void;
}

type WatchOptions = {
  readonly metrics: Metrics;
  readonly steadyMs: () => number;
  /** When the server learnt that there may be something new, by the steady clock. */
  readonly learntMs: number;
  readonly trace: string;
  /** The status may have changed. */
  readonly look: () => void;
};

/** Counts one run. The committer's clock is not asked: a commit counts from when this server could know of it. */
export function watchRun({ metrics, steadyMs, learntMs, trace, look }: WatchOptions): Watch {
  const startMs = steadyMs();
  let stepMs = startMs;
  let step: Step | null = null;
  const sinceStep = () => (steadyMs() - stepMs) / 1_000;
  return {
    trace,
    step(name) {
      if (step === 'fetch') metrics.gitRequests.inc({ op: 'fetch', result: 'ok' });
      step = name;
      stepMs = steadyMs();
    },
    judged(result, reason) {
      metrics.verifications.inc({ result, reason });
      metrics.verifySeconds.observe(sinceStep());
    },
    ended(end) {
      if (step === 'fetch' && end.result === 'failed')
        metrics.gitRequests.inc({ op: 'fetch', result: end.code });
      look();
      metrics.reconciles.inc({ result: end.result });
      metrics.reconcileSeconds.observe({ result: end.result }, (steadyMs() - startMs) / 1_000);
    },
    acked() {
      look();
      metrics.commitToAck.observe((steadyMs() - learntMs) / 1_000);
    },
  };
}

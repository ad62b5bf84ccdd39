import type { Clock } from '../../src/reconcile/clock.ts';

/** A clock that stands still until it is told to go on. */
export type SimulatedClock = Clock & {
  /** Goes on by `ms`, firing what falls due on the way, in order, each with the microtasks that it starts. */
  advance(ms: number): Promise<void>;
  /** Goes on by `ms` and fires nothing, as while this process is stopped. */
  pass(ms: number): void;
  /** How many timers are armed. */
  pending(): number;
  /** Somebody sets the machine's clock: nothing falls due by it. */
  set(byMs: number): void;
};

export function simulatedClock(startMs = 1_000_000): SimulatedClock {
  let nowMs = startMs;
  let stepMs = 0;
  let timers: { readonly dueMs: number; readonly run: () => void }[] = [];
  const next = (untilMs: number) =>
    timers.filter(({ dueMs }) => dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0];
  return {
    now: () => nowMs + stepMs,
    steadyMs: () => nowMs,
    after(delayMs, run) {
      const timer = { dueMs: nowMs + delayMs, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    async advance(ms) {
      await settle();
      const untilMs = nowMs + ms;
      for (let timer = next(untilMs); timer !== undefined; timer = next(untilMs)) {
        const { run, dueMs } = timer;
        timers = timers.filter((other) => other !== timer);
        nowMs = Math.max(nowMs, dueMs);
        run();
        await settle();
      }
      nowMs = untilMs;
      await settle();
    },
    pass(ms) {
      nowMs += ms;
    },
    pending: () => timers.length,
    set(byMs) {
      stepMs += byMs;
    },
  };
}

/** Lets promises that are settled already run their continuations. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

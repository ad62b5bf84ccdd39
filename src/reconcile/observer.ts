/** The steps of a run, in this order. */
type Step = 'fetch' | 'verify' | 'witness' | 'load' | 'translate' | 'publish';

/** How a run ended: what became of the offered tip, or that it failed (by the failure's code). */
export type RunEnd =
  | { readonly result: 'followed' | 'unchanged' | 'stale' }
  | { readonly result: 'refused'; readonly rule: string }
  | { readonly result: 'failed'; readonly code: string; readonly message: string };

/** Watches one run. Nothing that it hears changes what the run does. */
export interface RunWatch {
  /** 32 hex digits (W3C Trace Context); of the run in logs, status, events and spans. */
  readonly trace: string;
  /** A step begins, and ends the one before it. */
  step(name: Step): void;
  /** The tip that is judged. */
  offered(tip: string): void;
  /** What the offered tip was found to be, at the end of `verify`; `rule` of a refusal. */
  judged(result: 'followed' | 'same' | 'stale' | 'refused', rule: string): void;
  /** It was given to distribution; `acked` follows where a proxy is connected. */
  pushed(proxies: number): void;
  ended(end: RunEnd): void;
  /** The last connected proxy has acknowledged what this run pushed. */
  acked(): void;
}

/** Is told of every run of a loop: counted, traced and told on by whoever implements it. */
export interface LoopObserver {
  began(repository: string): RunWatch;
}

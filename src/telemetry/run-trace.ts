import type { Attributes, Carrier, Span, Tracer } from './tracer.ts';
import type { RunEnd, Step } from './watch.ts';

/** A request that hinted at a repository. */
export type Hook = Carrier & {
  /** Of those that there are. */
  readonly provider: string;
  /** Since it began to come in. */
  readonly tookMs: number;
};

export type TraceClock = {
  now(): number;
  steadyMs(): number;
  after(delayMs: number, run: () => void): () => void;
};

/** The trace of one run, from what caused it to the last ACK. */
export interface RunTrace {
  /** 32 hex digits. */
  readonly id: string;
  /** When the server learnt that there may be something new, by the steady clock. */
  readonly learntMs: number;
  /** One more request that it is for. */
  hooked(hook: Hook): void;
  /** It waited in the queue until now. */
  began(): void;
  offered(tip: string): void;
  step(name: Step): void;
  judged(result: string, rule: string): void;
  /** It was given to distribution, for so many proxies. */
  pushed(proxies: number): void;
  ended(end: RunEnd): void;
  acked(): void;
  /** No run of this server came. */
  forgotten(): void;
  /** The server ends. */
  close(): void;
}

type RunTraceOptions = {
  readonly tracer: Tracer;
  readonly clock: TraceClock;
  readonly repository: string;
  /** Of the repository. */
  readonly attributes: Attributes;
  /** The first request; `null`: somebody on this server asked. */
  readonly cause: Hook | 'poll' | null;
  /** Nothing more is said of it. */
  readonly onEnd: (trace: RunTrace) => void;
};

/** Of a proxy that has not acknowledged by then, `proxy-status` tells more than a trace. */
const ACK_WAIT_MS = 300_000;
/** Requests of one run that have a span each: a burst must not push out everything else. */
const MAX_HOOKS = 20;

/** Its times are what the steady clock says from when it began: spans that touch, touch, whoever sets the machine's clock. */
export function traceRun({ tracer, clock, repository, attributes, cause, onEnd }: RunTraceOptions): RunTrace {
  const learntMs = clock.steadyMs();
  const epochMs = clock.now() - learntMs;
  const at = () => epochMs + clock.steadyMs();
  const first = cause === 'poll' ? null : cause;
  const root = tracer.root('reconcile', {
    atMs: at() - (first?.tookMs ?? 0),
    attributes: { ...attributes, 'fairlead.repository': repository, 'fairlead.trigger': triggerOf(cause) },
    parent: first,
  });
  let hooks = 0;
  let step: Span | null = null;
  let awaited: Span | null = null;
  let isOver = false;
  let cancel = () => {};
  const next = (name: Step | 'queue' | null) => {
    const atMs = at();
    step?.end(atMs);
    step = name === null ? null : root.child(name, { atMs });
  };
  const finish = () => {
    cancel();
    for (const span of [step, awaited, root]) span?.end(at());
    [step, awaited] = [null, null];
    onEnd(self);
  };
  const giveUp = (code: string, message: string) => {
    awaited?.fail({ code, message }, at());
    finish();
  };
  const self: RunTrace = {
    id: root.traceId,
    learntMs,
    hooked(hook) {
      hooks += 1;
      root.set({ 'fairlead.hooks': hooks });
      if (hooks <= MAX_HOOKS) requestSpan(root, hook, repository, at());
    },
    began: () => next(null),
    offered: (tip) => root.set({ 'vcs.ref.head.revision': tip }),
    step: next,
    judged(result, rule) {
      step?.set({ 'fairlead.verdict': result, ...(rule === '' ? {} : { 'fairlead.rule': rule }) });
      next(null);
    },
    pushed(proxies) {
      next(null);
      root.set({ 'fairlead.proxies': proxies });
      // What a restart serves again may be followed by more in the same run.
      cancel();
      awaited?.end(at());
      awaited = null;
      if (proxies === 0) return;
      awaited = root.child('acknowledge', { atMs: at() });
      const text = `not every proxy has acknowledged within ${ACK_WAIT_MS / 1_000} s`;
      cancel = clock.after(ACK_WAIT_MS, () => giveUp('not-acknowledged', text));
    },
    ended(end) {
      root.set({
        'fairlead.outcome': end.result,
        ...(end.result === 'refused' ? { 'fairlead.rule': end.rule } : {}),
      });
      if (end.result === 'failed') for (const span of [step, root]) span?.fail(end, at());
      next(null);
      isOver = true;
      if (awaited === null) finish();
    },
    acked() {
      if (awaited === null) return;
      awaited.end(at());
      awaited = null;
      if (isOver) finish();
    },
    forgotten() {
      root.set({ 'fairlead.outcome': 'forgotten' });
      finish();
    },
    close: () => giveUp('server-ended', 'the server ended before every proxy had acknowledged'),
  };
  if (cause === 'poll') return self;
  if (first !== null) self.hooked(first);
  next('queue');
  return self;
}

function triggerOf(cause: Hook | 'poll' | null): string {
  if (cause === 'poll') return 'poll';
  return cause === null ? 'request' : cause.provider;
}

/** By the conventions of HTTP servers; only what was accepted has one. */
function requestSpan(root: Span, hook: Hook, repository: string, nowMs: number): void {
  const attributes = {
    'http.request.method': 'POST',
    'http.response.status_code': 202,
    'http.route': '/hooks/v1/:provider/:repository',
    'url.path': `/hooks/v1/${hook.provider}/${repository}`,
    'url.scheme': 'http',
  };
  const name = `POST ${attributes['http.route']}`;
  root.child(name, { atMs: nowMs - hook.tookMs, attributes, server: hook }).end(nowMs);
}

/** A delivery as it came in: nothing in it is believed before `isAuthentic`, and after it no more than that a push may have been. */
export type Delivery = {
  /** The first value of a header; '' where there is none. */
  readonly header: (name: string) => string;
  /** The very bytes: what is signed. */
  readonly body: Buffer;
  /** Address of who sent it, or of the last proxy on its way. */
  readonly from: string;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
  /** Milliseconds since it began to come in. */
  readonly tookMs: () => number;
};

/** A delivery that is believed, for whoever traces what becomes of it (W3C Trace Context; '' where it says nothing). */
export type HookRequest = {
  readonly provider: string;
  readonly traceparent: string;
  readonly tracestate: string;
  readonly tookMs: number;
};

export function hookRequest(
  provider: string,
  { header, tookMs }: Pick<Delivery, 'header' | 'tookMs'>,
): HookRequest {
  const [traceparent, tracestate] = [header('traceparent'), header('tracestate')];
  return { provider, traceparent, tracestate, tookMs: tookMs() };
}

/** What a delivery says it is about. `branches`: null where it does not say, or not in a form that we know. */
export type Event =
  | { readonly kind: 'push'; readonly branches: readonly string[] | null }
  | { readonly kind: 'ping' }
  | { readonly kind: 'other' };

/** How one forge delivers. The second of anything is a file and a line in `providers`. */
export interface Provider {
  /** As in `/hooks/v1/{name}/{repository}`. */
  readonly name: string;
  /** Headers that it may be signed in. */
  readonly signedIn: readonly string[];
  /** Whether somebody who knows `secret` sent it. In constant time. */
  isAuthentic(delivery: Delivery, secret: string): boolean;
  /** What is the same where the same event is delivered again; '' where it does not say. */
  deliveryId(delivery: Delivery): string;
  event(delivery: Delivery): Event;
}

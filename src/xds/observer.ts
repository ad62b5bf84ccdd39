import type { RejectedResource } from './status.ts';

/** What a proxy refused, in its own words. */
type Nack = {
  readonly proxy: string;
  readonly typeUrl: string;
  readonly error: string;
  readonly rejected: readonly RejectedResource[];
};

/** Is told what goes over the streams: counted and told on by whoever implements it. Nothing depends on it. */
export interface XdsObserver {
  /** The first stream of a proxy says who it is. */
  connected(proxy: string): void;
  /** The last stream of a proxy is over. */
  left(proxy: string): void;
  pushed(typeUrl: string): void;
  /** The answer to a response of a type came, and accepts it. */
  acked(typeUrl: string, afterMs: number): void;
  nacked(nack: Nack): void;
}

export const silentObserver: XdsObserver = {
  connected() {},
  left() {},
  pushed() {},
  acked() {},
  nacked() {},
};

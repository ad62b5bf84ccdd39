import type { Gate, Subscription, SubscriptionRules } from './subscription.ts';
import type { XdsResource } from './types.ts';

/** What every request says, in either variant of the protocol. */
export type RequestBase = {
  readonly typeUrl: string;
  /** `null` where the client left it out (C1). */
  readonly node: Node | null;
  /** Empty when the request answers nothing (D1). */
  readonly nonce: string;
  /** The message of `error_detail`; `null`: an ACK (C3). */
  readonly error: string | null;
};

export type Node = {
  readonly id: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Names of the extensions that it can run. */
  readonly extensions: readonly string[];
  /** `region/zone/subzone`, or its beginning. */
  readonly locality: string;
};

/** What one response carries. */
export type Answer = {
  readonly resources: readonly XdsResource[];
  /** Those of `resources` that are news to the client. */
  readonly changed: readonly XdsResource[];
  readonly removed: readonly string[];
  /** `version_info` of state of the world (S1); empty in delta. */
  readonly version: string;
};

/** One response to be written. `revision` is for the reader of a trace only (D8). */
export type Response = Answer & {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly revision: string;
};

/** One type of one stream: the shared state machine, spoken to in one variant of the protocol. */
export interface Lane<Q> {
  readonly subscription: Subscription<XdsResource>;
  receive(request: Q): void;
  /** What the client should have from now on, all of it. Nothing is ever sent before the first call. */
  retarget(target: ReadonlyMap<string, XdsResource>): void;
  /**
   * The next response, noted as sent under `nonce`; `null`: nothing to say now; `silent`: something came to pass that
   * this variant has no words for, and that others may have waited for.
   */
  next(nonce: string, gate: Gate<XdsResource>): Answer | 'silent' | null;
}

/** Encodes responses; each resource is encoded once, however many streams it goes to. */
export interface ResponseEncoder {
  /** Framed for gRPC; the same bytes for all streams that hear the same. */
  encode(response: Response): Buffer;
  /** A new revision: what two of them in a row did not send is forgotten. */
  rotate(): void;
}

/** A variant of the protocol: state of the world, or delta. */
export type Variant<Q extends RequestBase> = {
  readonly name: 'delta' | 'sotw';
  /** Of the request, for refusals. */
  readonly message: string;
  /** Throws on bytes that are no request. */
  readonly decode: (bytes: Uint8Array) => Q;
  readonly open: (rules: SubscriptionRules) => Lane<Q>;
  /** True if the request says that the client has content of an earlier stream. */
  readonly resumes: (request: Q) => boolean;
  /** All names in the request, of what is asked for, given up and had. */
  readonly names: (request: Q) => Iterable<string>;
  readonly createEncoder: () => ResponseEncoder;
};

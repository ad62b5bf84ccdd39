import type { Problem } from '../base/problem.ts';
import type { Resource } from '../manifests/index.ts';
import type { Attached, Attachment, Routed } from './http-routes.ts';
import type { Part } from './part.ts';
import type { Addressed, Entering } from './rivals.ts';
import type { DefinedRouting } from './routing.ts';
import { type Remembered, sameItems } from './service-index.ts';
import type { Defined } from './services.ts';
import type { Endpoint, Routing } from './types.ts';

/** One scope's share of a mesh, with all that it was made from. */
export type Share = {
  readonly resources: readonly Resource[];
  readonly part: Part;
  /** Candidates that no other scope defines too. */
  readonly defined: readonly Defined[];
  readonly addresses: readonly Addressed[];
  readonly served: Remembered<Served>;
  readonly attached: Remembered<Attached>;
  readonly entering: readonly Entering[];
  /** Those that nothing contradicts. */
  readonly routings: readonly DefinedRouting[];
  readonly attachments: readonly Attachment[];
  readonly dangling: Remembered<readonly Problem[]>;
  readonly routed: Remembered<Routed>;
  /** What stands in the mesh of `routings` and `routed`. */
  readonly routes: readonly Routing[];
  /** Of all of it. */
  readonly problems: readonly Problem[];
};

export type Served = {
  readonly services: readonly Defined[];
  readonly endpoints: readonly (readonly [string, readonly Endpoint[]])[];
  readonly problems: readonly Problem[];
};

/** A share as far as its services. */
export type Offered = Pick<Share, 'resources' | 'part' | 'defined' | 'addresses' | 'served'> & Old;

/** A scope whose own resources have been read. */
export type Begun = Pick<Share, 'resources' | 'part'> & Old;

/** The share of the same resources in the mesh before. */
type Old = { readonly old: Share | null };

/** `all` itself where nothing goes. */
export function without<T, K>(
  all: readonly T[],
  refused: ReadonlySet<K>,
  keyOf: (one: T) => K,
): readonly T[] {
  if (refused.size === 0 || !all.some((one) => refused.has(keyOf(one)))) return all;
  return all.filter((one) => !refused.has(keyOf(one)));
}

export function same<T>(before: readonly T[] | undefined, now: readonly T[]): readonly T[] {
  return before !== undefined && (before === now || sameItems(before, now)) ? before : now;
}

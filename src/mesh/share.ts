import { isDeepStrictEqual } from 'node:util';
import { sameItems } from '../base/lists.ts';
import type { Problem } from '../base/problem.ts';
import type { Resource } from '../manifests/index.ts';
import type { Attaching, Attachment } from './attach.ts';
import type { ClientRule } from './client-rules.ts';
import type { Apart } from './contradictions.ts';
import type { Routed } from './http-routes.ts';
import type { Groups } from './joined-lists.ts';
import type { Part } from './part.ts';
import type { Places } from './places.ts';
import type { Profiled } from './profiles.ts';
import type { Addressed, Entering } from './rivals.ts';
import type { DefinedRouting } from './routing.ts';
import type { Remembered } from './service-index.ts';
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
  readonly attached: Remembered<Attaching>;
  /** Routings that contradict no other one of the scope, at gateways either. */
  readonly apart: Apart;
  readonly entering: readonly Entering[];
  /** Those that nothing contradicts. */
  readonly routings: readonly DefinedRouting[];
  readonly profiles: readonly Profiled[];
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
  readonly clientRules: readonly ClientRule[];
  readonly endpoints: readonly (readonly [string, readonly Endpoint[]])[];
  readonly problems: readonly Problem[];
};

/** What of it says the same as before is the same object as before: an edit ends where it changes nothing. */
export function servedLike(now: Served, before: Served): Served {
  const lists = new Map(before.endpoints);
  return {
    services: now.services.map((defined, at) => {
      const old = before.services[at]?.service;
      return isDeepStrictEqual(old, defined.service) && old !== undefined
        ? { ...defined, service: old }
        : defined;
    }),
    clientRules: isDeepStrictEqual(now.clientRules, before.clientRules)
      ? before.clientRules
      : now.clientRules,
    endpoints: now.endpoints.map(([id, list]) => {
      const old = lists.get(id);
      return [id, old !== undefined && isDeepStrictEqual(old, list) ? old : list] as const;
    }),
    problems: now.problems,
  };
}

/** A share as far as its services. */
export type Offered = Pick<Share, 'resources' | 'part' | 'defined' | 'addresses' | 'served'>;

/** A scope whose own resources have been read. */
export type Begun = Pick<Share, 'resources' | 'part'>;

/** All scopes in order, and what is known of them. */
export type Scopes<T> = {
  readonly all: readonly T[];
  /** Where they are not what they were in the mesh before. */
  readonly places: Places;
  /** Of each, the share before; null where its resources were not read under the same owners. What it was made of may differ. */
  readonly olds: readonly (Share | null)[];
  /** The shares before; of use where not all places are others. */
  readonly shares: readonly Share[];
  /** Hosts that the shares before looked up. */
  readonly asks: Groups<string> | null;
};

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

/** Hosts that a share looked up, each once. */
export function hostsAsked({ served, attached, dangling, routed }: Share): readonly string[] {
  const all = [served, attached, dangling, routed].flatMap((each) => [...each.hosts()]);
  return [...new Set(all)];
}

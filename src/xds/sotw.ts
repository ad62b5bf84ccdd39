import { sha256 } from '../base/digest.ts';
import { byCodeUnit } from '../base/order.ts';
import { isKnown } from './holdings.ts';
import { type Gate, Subscription, type SubscriptionRules } from './subscription.ts';
import type { XdsResource } from './types.ts';
import type { Answer, Lane, RequestBase } from './variant.ts';

/** A `DiscoveryRequest`, narrowed once. */
export type SotwRequest = RequestBase & {
  /** All that the client wants of the type (S5). */
  readonly names: readonly string[];
  /** What the client accepted last, of this or an earlier stream (S1). */
  readonly version: string;
};

/** The rules are those of the type; a client's memory of single resources there is none (D3). */
export function openSotw(rules: SubscriptionRules): Lane<SotwRequest> {
  return new SotwLane(rules);
}

/**
 * State of the world as a view on the delta state machine. What a client asks for is compared with what it asked for
 * before; what it is sent is, for full-state types (LDS, CDS), everything it will have then. So refused content goes
 * out as its last good, and what may not be removed yet stays in (S3, O3). One response at a time is on its way: an
 * answer to an earlier one can then be told by its nonce, and nothing is sent twice (S2).
 */
class SotwLane implements Lane<SotwRequest> {
  readonly subscription: Subscription<XdsResource>;
  readonly #rules: SubscriptionRules;
  #target: ReadonlyMap<string, XdsResource> | null = null;
  #wanted: ReadonlySet<string> = new Set();
  #hasNamed = false;
  #started = false;
  /**
   * Until the client takes a full response it may have what nobody here knows. Its version does not tell: who refused
   * a response may have kept the good part of it, and still names the version before, or none (S1).
   */
  #unknown = true;
  /** How much news is on its way. */
  #news = 0;

  constructor(rules: SubscriptionRules) {
    this.#rules = rules;
    this.subscription = new Subscription(rules);
  }

  receive({ names, version, nonce, error }: SotwRequest): void {
    const first = !this.#started;
    this.#started = true;
    const had = this.#wanted;
    const wanted = this.#read(names);
    this.#wanted = wanted;
    const subscribe = [...wanted].filter((name) => !had.has(name));
    const unsubscribe = [...had].filter((name) => !wanted.has(name));
    const back = first && version !== '' && nonce === '';
    const initialVersions = new Map(
      back && !this.#rules.fullState ? subscribe.map((name) => [name, '']) : [],
    );
    const before = this.subscription.holdings.inFlight;
    this.subscription.receive({ subscribe, unsubscribe, initialVersions, nonce, error });
    if (this.subscription.holdings.inFlight < before) this.#landed(error);
  }

  retarget(target: ReadonlyMap<string, XdsResource>): void {
    this.#target = target;
    this.subscription.retarget(target);
  }

  next(nonce: string, gate: Gate<XdsResource>): Answer | 'silent' | null {
    const { subscription } = this;
    if (this.#target === null || subscription.holdings.inFlight > 0) return null;
    const said = subscription.next(nonce, gate);
    if (said === null) return null;
    const changed = said.resources;
    this.#news = changed.length + said.removed.length;
    if (this.#rules.fullState) {
      const resources = this.#state(this.#target);
      return { resources, changed, removed: [], version: versionOf(this.#target, resources) };
    }
    if (changed.length > 0 || said.removed.length === 0) {
      return { resources: changed, changed, removed: [], version: versionOf(this.#target) };
    }
    // S3, S4: that something is gone cannot be said here. Whatever named it is gone at the client already.
    subscription.receive({ ...SILENCE, nonce });
    return 'silent';
  }

  /** W1, W2: no name is `*` as long as none was ever sent, for types that have a legacy wildcard. */
  #read(names: readonly string[]): ReadonlySet<string> {
    if (names.length > 0) this.#hasNamed = true;
    const legacy = this.#rules.legacyWildcard && !this.#hasNamed;
    return new Set(legacy ? ['*'] : names);
  }

  /** Only a full response that is taken clears away what a client brought along. */
  #landed(error: string | null): void {
    if (error === null) this.#unknown = false;
    else if (this.#rules.fullState && this.#unknown && this.#news > 0) this.subscription.oweAnswer();
  }

  /** All that the client will have with everything on its way, in the order of the target. */
  #state(target: ReadonlyMap<string, XdsResource>): readonly XdsResource[] {
    const { holdings } = this.subscription;
    const kept = new Set(
      [...holdings.contents()].map(({ name }) => name).filter((name) => !target.has(name)),
    );
    const resources: XdsResource[] = [];
    for (const name of [...target.keys(), ...kept]) {
      const item = this.subscription.selects(name) ? holdings.believed(name) : null;
      if (item !== null && isKnown(item)) resources.push(item);
    }
    return resources;
  }
}

const SILENCE = { subscribe: [], unsubscribe: [], initialVersions: new Map<string, string>(), error: null };

const versions = new WeakMap<object, string>();

/** S1, D8: a hash of the content, so that replicas and restarts agree; of `resources` where these are not all. */
function versionOf(
  target: ReadonlyMap<string, XdsResource>,
  resources: readonly XdsResource[] | null = null,
): string {
  const whole =
    resources === null ||
    (resources.length === target.size &&
      resources.every(({ name, version }) => target.get(name)?.version === version));
  if (!whole) return hashOf(resources);
  const known = versions.get(target) ?? hashOf([...target.values()]);
  versions.set(target, known);
  return known;
}

function hashOf(resources: readonly XdsResource[]): string {
  const lines = resources.map(({ name, version }) => `${name}\n${version}\n`).sort(byCodeUnit);
  return sha256(Buffer.from(lines.join(''))).slice(0, 16);
}

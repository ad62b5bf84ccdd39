import { must } from '../base/must.ts';
import { type Anchor, allAnchors, materialsOf, type Policy } from '../policy/index.ts';
import { type AnchorKey, signerOf, verifySignature } from '../signatures/index.ts';
import type { Visit } from './history.ts';
import type { Token } from './token.ts';
import type { Side } from './types.ts';

import type { Bench } from './votes.ts';

type Signed = Pick<Visit, 'commit'>;

/** Enforces V1, before any cryptography: the key that the one signature of a commit or token names, and whose it is by which policy. */
export type Claim<Of extends Signed = Visit> = {
  readonly visit: Of;
  readonly token: Token | null;
  readonly policy: Side;
  readonly anchor: Anchor;
  readonly key: AnchorKey;
  /** Equal for an anchor before and after a reconfigure: whom a withdrawal fences (V3). */
  readonly person: string;
};

/** Those who may speak, by policy. */
export type Electorate = readonly {
  readonly policy: Side;
  readonly anchors: readonly Anchor[];
  readonly keys: readonly AnchorKey[];
  readonly personOf: (name: string) => string;
}[];

/**
 * The anchors of the policy in force, and of a proposed one; where that is asked for, also the recovery sets of both: of the
 * old one to accept it (Recover), of the new one to show that they hold their keys. A first mutation has no old policy.
 */
export function electorate(inForce: Policy | null, proposed: Policy | null): Electorate {
  const old = inForce === null ? [] : oldElectors(inForce);
  if (proposed === null) return old;
  const recovery = inForce?.recovery?.anchors ?? [];
  const isSame = samePersons([...(inForce?.anchors ?? []), ...recovery], allAnchors(proposed));
  const personOf = (name: string) => (isSame(name) ? `old ${name}` : `new ${name}`);
  const added = electors('new', allAnchors(proposed), personOf);
  return recovery.length === 0 ? [...old, added] : [...old, electors('recovery', recovery), added];
}

function oldElectors(policy: Policy): Electorate {
  const known = inForceElectors.get(policy) ?? [electors('old', policy.anchors)];
  inForceElectors.set(policy, known);
  return known;
}

/** A policy stays for many commits. */
const inForceElectors = new WeakMap<Policy, Electorate>();

function electors(
  policy: Side,
  anchors: readonly Anchor[],
  personOf = (name: string) => `old ${name}`,
): Electorate[number] {
  return { policy, anchors, keys: anchors.flatMap(({ keys }) => keys), personOf };
}

/** A name is one person's in both policies unless a key has gone from it, or come to it, from another name. */
function samePersons(old: readonly Anchor[], next: readonly Anchor[]): (name: string) => boolean {
  const owners = (anchors: readonly Anchor[]) =>
    new Map(
      anchors.flatMap(({ name, keys }) => keys.flatMap(materialsOf).map((material) => [material, name])),
    );
  const [before, after] = [owners(old), owners(next)];
  const strays = (anchors: readonly Anchor[], others: ReadonlyMap<string, string>, name: string) =>
    anchors
      .filter((anchor) => anchor.name === name)
      .flatMap(({ keys }) => keys.flatMap(materialsOf))
      .some((material) => (others.get(material) ?? name) !== name);
  return (name) =>
    old.some((anchor) => anchor.name === name) && !strays(old, after, name) && !strays(next, before, name);
}

/** One claim for each policy that lists the key. */
export function claimsOf<Of extends Signed>(
  visit: Of,
  electors: Electorate,
  token: Token | null = null,
): readonly Claim<Of>[] {
  const { signature } = token ?? visit.commit;
  if (signature === null) return [];
  return electors.flatMap(({ policy, anchors, keys, personOf }) => {
    const key = signerOf(signature, keys);
    const anchor = anchors.find((each) => key !== null && each.keys.includes(key));
    if (key === null || anchor === undefined) return [];
    return [{ visit, token, policy, anchor, key, person: personOf(anchor.name) }];
  });
}

type Verdict = Awaited<ReturnType<typeof verifySignature>>;

/** Signature verdicts by what is signed and key: a memo. */
export type Checked = Map<string, Promise<Verdict>>;

export function check(
  { checked, history }: Pick<Bench, 'checked' | 'history'>,
  claim: Claim<Signed>,
): Promise<Verdict> {
  const name = nameOf(claim);
  const known = checked.get(name);
  if (known !== undefined) return known;
  const verdict = verify(history, claim);
  checked.set(name, verdict);
  // A missing object is no verdict.
  verdict.catch(() => checked.delete(name));
  return verdict;
}

async function verify(history: Bench['history'], { visit, token, key }: Claim<Signed>): Promise<Verdict> {
  if (token !== null) return verifySignature(token.signature, key, 'fairlead');
  const signature = must(visit.commit.signature);
  const isKept = signature.signed.length > 0;
  const whole = isKept ? signature : must((await history.commit(visit.commit.id)).signature);
  return verifySignature(whole, key, 'git');
}

function nameOf({ visit, token, key }: Claim<Signed>): string {
  return `${token?.id ?? visit.commit.id} ${key.id}`;
}

/** Signature checks by the main-line index that causes them (G17). */
export type Costs = Map<number, ReadonlySet<string>>;

export function addCosts(costs: Costs, claims: readonly Claim[]): void {
  for (const [intro, caused] of Map.groupBy(claims, ({ visit }) => visit.intro))
    costs.set(intro, new Set([...(costs.get(intro) ?? []), ...caused.map(nameOf)]));
}

import { type AnchorKey, signerOf, verifySignature } from '../signatures/index.ts';
import type { Visit } from './history.ts';
import type { Anchor, Policy, ScopeState, Side } from './types.ts';

type Signed = Pick<Visit, 'commit'>;

/** V1 before any cryptography: the key that a commit's one signature names, and whose it is by which policy. */
export type Claim<Of extends Signed = Visit> = {
  readonly visit: Of;
  readonly policy: Side;
  readonly anchor: Anchor;
  readonly key: AnchorKey;
};

/** Those who may speak, by policy; the recovery anchors of a new policy only show that they hold their keys. */
export type Electorate = readonly {
  readonly policy: Side;
  readonly anchors: readonly Anchor[];
  readonly keys: readonly AnchorKey[];
}[];

export function electorate({ policy }: ScopeState, proposed: Policy | null): Electorate {
  const known = inForce.get(policy);
  const old = known ?? [electors('old', policy.anchors)];
  if (known === undefined) inForce.set(policy, old);
  if (proposed === null) return old;
  return [...old, electors('new', [...proposed.anchors, ...(proposed.recovery?.anchors ?? [])])];
}

/** A policy stays for many commits. */
const inForce = new WeakMap<Policy, Electorate>();

function electors(policy: Side, anchors: readonly Anchor[]): Electorate[number] {
  return { policy, anchors, keys: anchors.flatMap(({ keys }) => keys) };
}

/** One claim for each policy that lists the key. */
export function claimsOf<Of extends Signed>(visit: Of, electors: Electorate): readonly Claim<Of>[] {
  const { signature } = visit.commit;
  if (signature === null) return [];
  return electors.flatMap(({ policy, anchors, keys }) => {
    const key = signerOf(signature, keys);
    const anchor = anchors.find((each) => key !== null && each.keys.includes(key));
    return key === null || anchor === undefined ? [] : [{ visit, policy, anchor, key }];
  });
}

type Verdict = Awaited<ReturnType<typeof verifySignature>>;

/** Signature verdicts by commit and key: a memo. */
export type Checked = Map<string, Promise<Verdict>>;

export function check(checked: Checked, { visit, key }: Claim<Signed>): Promise<Verdict> {
  const { id, signature } = visit.commit;
  const name = `${id} ${key.id}`;
  const known = checked.get(name);
  if (known !== undefined) return known;
  if (signature === null) throw new Error('a claim is made of a signature');
  const verdict = verifySignature(signature, key, 'git');
  checked.set(name, verdict);
  return verdict;
}

/** Signature checks by the main-line index that causes them (G17). */
export type Costs = Map<number, ReadonlySet<string>>;

export function addCosts(costs: Costs, claims: readonly Claim[]): void {
  for (const [intro, caused] of Map.groupBy(claims, ({ visit }) => visit.intro)) {
    const names = caused.map(({ visit, key }) => `${visit.commit.id} ${key.id}`);
    costs.set(intro, new Set([...(costs.get(intro) ?? []), ...names]));
  }
}

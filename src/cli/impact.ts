import { countVotes, type LineState } from '../governance/index.ts';
import { type Anchor, CLASSES, type Policy, threshold } from '../policy/index.ts';

/** What is left for one class of one scope where a key is no longer there. */
export type Impact = {
  readonly scope: string;
  readonly uid: string;
  /** Whose key it is there, and whether they have another one. */
  readonly anchor: string;
  readonly spare: boolean;
  readonly class: string;
  readonly needed: number;
  /** Anchors who can still sign. */
  readonly left: number;
  /** `alone`: the key is a quorum by itself, so whoever has it needs nobody else. */
  readonly outcome: 'kept' | 'lost';
  readonly alone: boolean;
};

type Keys = Anchor['keys'];

/** Whether a key is meant by a fingerprint as people write it: with or without `SHA256:`, or an OpenPGP one of any key in it. */
function isKey(key: Keys[number], wanted: string): boolean {
  if (key.format === 'ssh') return key.fingerprint === `SHA256:${wanted.replace(/^SHA256:/, '')}`;
  const given = wanted.replace(/^0x/, '').replace(/\s+/g, '').toUpperCase();
  return key.fingerprint === given || key.certificate.signing.has(given);
}

/** Every class of every scope in which the key has a part, recovery among them. */
export function impactOf({ scopes }: LineState, wanted: string): readonly Impact[] {
  return [...scopes.values()].flatMap(({ path, uid, policy, status }) => {
    if (status === 'Tombstone') return [];
    const common = { scope: path, uid };
    return [...classImpacts(policy, wanted), ...recoveryImpacts(policy, wanted)].map((impact) => ({
      ...common,
      ...impact,
    }));
  });
}

type Part = Omit<Impact, 'scope' | 'uid'>;

function classImpacts(policy: Policy, wanted: string): readonly Part[] {
  const holder = holderOf(policy.anchors, wanted);
  if (holder === null) return [];
  const { name, spare } = holder;
  const others = policy.anchors.filter((anchor) => anchor.name !== name);
  const able = spare ? policy.anchors : others;
  return CLASSES.map((mutation) => {
    const { met } = countVotes(policy, null, mutation, votesOf(able));
    const alone = countVotes(policy, null, mutation, votesOf([holder.anchor])).met;
    const numbers = { needed: threshold(policy, mutation), left: able.length };
    return { anchor: name, spare, class: mutation, ...numbers, outcome: met ? 'kept' : 'lost', alone };
  });
}

function recoveryImpacts({ recovery }: Policy, wanted: string): readonly Part[] {
  const holder = recovery === null ? null : holderOf(recovery.anchors, wanted);
  if (recovery === null || holder === null) return [];
  const left = recovery.anchors.length - (holder.spare ? 0 : 1);
  const outcome = left < recovery.threshold ? 'lost' : 'kept';
  const part = { anchor: holder.name, spare: holder.spare, class: 'recover', needed: recovery.threshold };
  return [{ ...part, left, outcome, alone: recovery.threshold === 1 }];
}

function holderOf(anchors: readonly Anchor[], wanted: string) {
  const anchor = anchors.find(({ keys }) => keys.some((key) => isKey(key, wanted)));
  return anchor === undefined ? null : { anchor, name: anchor.name, spare: anchor.keys.length > 1 };
}

/** As if each of them had signed. */
function votesOf(anchors: readonly Anchor[]): Parameters<typeof countVotes>[3] {
  return anchors.map(({ name }) => ({
    anchor: name,
    policy: 'old',
    fingerprint: '',
    commit: '',
    form: 'explicit',
    group: null,
  }));
}

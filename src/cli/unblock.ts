import type { ScopeState } from '../governance/index.ts';

/** Who can end a hold, and with which one command. */
export type Unblock = { readonly who: readonly string[]; readonly command: string; readonly why: string };

/** What would end the hold of a scope; null for one that is not held. Advice, never a verdict. */
export function unblock(scope: ScopeState): Unblock | null {
  const { hold, policy, path } = scope;
  if (hold === null) return null;
  const everybody = policy.anchors.map(({ name }) => name);
  if (hold.rule === 'G21') {
    const why = 'a newer one knows that ruleset: nothing has to be taken back';
    return { who: ['whoever runs Fairlead'], command: 'fairlead --version', why };
  }
  // Without numbers nobody's signature was even looked at: what landed can never be accepted.
  if (hold.candidate?.class === 'update' || hold.needed > 0) {
    const who = hold.missing.length > 0 ? hold.missing : everybody;
    return {
      who,
      command: `fairlead approve --scope ${path}`,
      why: 'on the main branch, then git push; or take the change back',
    };
  }
  const why =
    hold.candidate === null
      ? 'what landed cannot be read: take it back'
      : `a change of the class ${hold.candidate.class} cannot be accepted: take it back`;
  return { who: everybody, command: `git revert ${hold.since.slice(0, 10)}`, why };
}

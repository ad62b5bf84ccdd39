import { Failure } from '../../base/failure.ts';
import type { ObjectId, Objects } from '../../git/index.ts';
import { follow, type Line, type LineState, type ScopeState } from '../../governance/index.ts';

/** What a push would do to one branch; null is a branch that is not there. */
export type Update = { readonly old: ObjectId | null; readonly new: ObjectId | null };

/** What a hook refuses: a push that breaks the main line, or also one after which a scope is held that was not before. */
export const REFUSES = ['broken', 'held'] as const;
export type Refuses = (typeof REFUSES)[number];

/** `state` is what every verifier will say of the new tip: in a hook that tip is the main line's already. */
export type Ruling =
  | { readonly ok: true; readonly before: LineState | null; readonly state: LineState }
  | { readonly ok: false; readonly rule: string; readonly reason: string; readonly fix: string };

/** The line for `branch` of what git gives its hook: `<old> SP <new> SP <ref> LF` for each ref; null where there is none. */
export function updateOf(input: string, branch: string): Update | null {
  const lines = input.split('\n').filter((line) => line !== '');
  for (const line of lines) {
    const [, old = '', next = '', ref] = /^([0-9a-f]{40,64}) ([0-9a-f]{40,64}) (.+)$/.exec(line) ?? [];
    if (ref === undefined) throw malformed(line);
    if (ref === `refs/heads/${branch}`) return { old: idOrNull(old), new: idOrNull(next) };
  }
  return null;
}

function idOrNull(text: string): ObjectId | null {
  return /^0+$/.test(text) ? null : text;
}

function malformed(line: string): Failure {
  const message = `standard input has no line of git's pre-receive hook: ${line.slice(0, 80)}`;
  return new Failure('hook-input', message, 'let git run it: fairlead hook install');
}

/**
 * Following (G9) with what the branch was as the last followed tip, then the state of the new one. A branch that is on no
 * line of the pin has nothing to be kept: then the new tip is judged alone.
 */
export async function rulingOf(line: Line, objects: Objects, update: Update): Promise<Ruling> {
  const { old, new: offered } = update;
  if (offered === null) return broken('the main line is never deleted', 'take another branch for it');
  const known = old === null ? null : await line.state(old);
  const before = known?.ok === true ? known.state : null;
  const following = await follow(line, objects, before?.tip ?? null, offered);
  if (following.outcome === 'stale') {
    const reason = `the main line is never moved back, from ${old} to ${offered}`;
    const to = `--source ${offered.slice(0, 10)} --staged --worktree -- ${line.pin.path}`;
    return broken(reason, `git restore ${to} && git commit -m "Go back"`);
  }
  if (following.outcome === 'refused') return broken(following.reason, onTopOf(before?.tip, offered));
  const verdict = await line.state(offered);
  if (!verdict.ok) return broken(verdict.reason, onTopOf(before?.tip, offered), verdict.rule);
  return { ok: true, before, state: verdict.state };
}

function broken(reason: string, fix: string, rule = 'G9'): Ruling {
  return { ok: false, rule, reason, fix };
}

/** A merge with the main line as its first parent brings in everything that was to be pushed, and drops nothing. */
function onTopOf(tip: ObjectId | undefined, offered: ObjectId): string {
  if (tip === undefined) return 'push a branch that begins at the pinned genesis';
  return `git checkout -B main ${tip.slice(0, 10)} && git merge --no-ff ${offered.slice(0, 10)}`;
}

/** Scopes that this push leaves held: not those that were held before and are not touched, nor more votes for them. */
export function newlyHeld({ before, state }: Ruling & { readonly ok: true }): readonly ScopeState[] {
  return [...state.scopes.values()].filter((scope) => {
    const old = before?.scopes.get(scope.uid);
    return scope.hold !== null && (old === undefined || old.hold === null || old.landed !== scope.landed);
  });
}

/** Scopes of which this push moves the accepted state. */
export function newlyAccepted({ before, state }: Ruling & { readonly ok: true }): readonly ScopeState[] {
  return [...state.scopes.values()].filter(({ uid, seq }) => before?.scopes.get(uid)?.seq !== seq);
}

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
 * L of Following: what the hook remembers, or the branch where that goes on from there. A branch that was moved behind the
 * hook's back is not believed, nor is one that is on no line of the pin. A tip that the pin trusts goes before a memory that
 * lacks it: `fairlead trust --tip` moves on.
 */
export async function lastFollowed(
  line: Line,
  objects: Objects,
  remembered: ObjectId | null,
  branch: ObjectId | null,
): Promise<ObjectId | null> {
  const known = await trusted(line, objects, remembered);
  if (branch === null || branch === known) return known;
  if (!(await line.state(branch)).ok) return known;
  if (known === null) return branch;
  if (!(await isHere(objects, known))) return known;
  const { outcome } = await follow(line, objects, known, branch);
  return outcome === 'followed' ? branch : known;
}

async function trusted(
  { pin, chain }: Line,
  objects: Objects,
  remembered: ObjectId | null,
): Promise<ObjectId | null> {
  if (pin.tip === undefined || remembered === null) return pin.tip ?? remembered;
  // Whether it has the trusted tip nobody can say any more: most often that one is older.
  if (!(await isHere(objects, remembered))) return remembered;
  return (await chain(remembered, new Set([pin.tip]))) === null ? pin.tip : remembered;
}

/** Following (G9) of what is pushed, then its state. Where nothing was followed yet it is judged alone. */
export async function rulingOf(
  line: Line,
  objects: Objects,
  update: Update,
  last: ObjectId | null,
): Promise<Ruling> {
  const { old, new: offered } = update;
  if (offered === null) return broken('the main line is never deleted', 'take another branch for it');
  if (last !== null && !(await isHere(objects, last)))
    return broken(
      `${offered} drops ${last} from the main line, which is gone from here`,
      repairOf(last, offered),
    );
  const following = await follow(line, objects, last, offered);
  if (following.outcome === 'stale') {
    const reason = `the main line is never moved back, from ${last} to ${offered}`;
    return broken(reason, old === last ? goBack(line, offered) : `git push --force origin ${last}:main`);
  }
  const fix = last === null || old === last ? onTopOf(last, offered) : repairOf(last, offered);
  if (following.outcome === 'refused') return broken(following.reason, fix);
  const verdict = await line.state(offered);
  if (!verdict.ok) return broken(verdict.reason, fix, verdict.rule);
  const before = last === null ? null : await line.state(last);
  return { ok: true, before: before?.ok === true ? before.state : null, state: verdict.state };
}

/** Git throws away what no ref has: what was followed before a force-push may come back only with its repair. */
async function isHere(objects: Objects, id: ObjectId): Promise<boolean> {
  try {
    await objects.commit(id);
    return true;
  } catch (error) {
    if (error instanceof Failure && error.code === 'object-missing') return false;
    throw error;
  }
}

/** What stood there, in a new commit. */
function goBack({ pin }: Line, offered: ObjectId): string {
  const to = `--source ${offered.slice(0, 10)} --staged --worktree -- ${pin.path}`;
  return `git restore ${to} && git commit -m "Go back"`;
}

/** The branch itself has lost the line, so that no push on top of it can be let in. */
export function repairOf(last: ObjectId, offered: ObjectId): string {
  return `fairlead line repair --followed ${last.slice(0, 10)} --offered ${offered.slice(0, 10)}`;
}

function broken(reason: string, fix: string, rule = 'G9'): Ruling {
  return { ok: false, rule, reason, fix };
}

/** A merge with the main line as its first parent brings in everything that was to be pushed, and drops nothing. */
function onTopOf(tip: ObjectId | null, offered: ObjectId): string {
  if (tip === null) return 'push a branch that begins at the pinned genesis';
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

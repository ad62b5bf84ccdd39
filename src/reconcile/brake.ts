import { Failure } from '../base/failure.ts';
import { ambiguous } from '../base/target-choice.ts';
import type { RepositoryLoop } from './loop.ts';
import type { Suspension } from './suspension.ts';
import type { SuspensionAsked, Suspensions } from './suspensions.ts';

/** As somebody types it: the name of a repository, the path or uid of a scope, or one of them as `repository/…` or `scope/…`. */
type Named = { readonly name: string; readonly reason: string; readonly by: string };

type Refused = { readonly code: string; readonly message: string; readonly fix: string };
type Answer = { readonly suspension: Suspension } | Refused;

/** Operators' hands on the suspensions: finds what a name means. */
export interface Brake {
  /** `forMs` counts from now; where both are null it lasts until somebody resumes. */
  suspend(asked: Named & { readonly forMs: number | null; readonly untilMs: number | null }): Promise<Answer>;
  resume(asked: Named): Promise<Answer>;
}

type Parts = {
  readonly loops: ReadonlyMap<string, RepositoryLoop>;
  readonly suspensions: Pick<Suspensions, 'suspend' | 'resume' | 'now'>;
};

export function createBrake({ loops, suspensions }: Parts): Brake {
  return {
    suspend: ({ name, reason, by, forMs, untilMs }) =>
      answered(async () => {
        const target = targetOf(loops, name);
        const endMs = forMs === null ? untilMs : suspensions.now() + forMs;
        const made = await suspensions.suspend({ ...target, reason, by, untilMs: endMs });
        // Whoever is answered sees no change any more that was on its way.
        await loops.get(target.repository)?.settled();
        return made;
      }),
    resume: ({ name, reason, by }) =>
      answered(async () => {
        const resumed = await suspensions.resume({ ...targetOf(loops, name), reason, by });
        if (resumed !== null) return resumed;
        throw new Failure('not-suspended', `${name} is not suspended`, 'fairlead status says what is');
      }),
  };
}

async function answered(act: () => Promise<Suspension>): Promise<Answer> {
  try {
    return { suspension: await act() };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { code, message, fix } = error;
    return { code, message, fix };
  }
}

type Target = Pick<SuspensionAsked, 'repository' | 'scope'>;

function targetOf(loops: ReadonlyMap<string, RepositoryLoop>, text: string): Target {
  const [, kind = null, name = text] = /^(repository|scope)\/(.+)$/.exec(text) ?? [];
  const repositories = kind !== 'scope' && loops.has(name) ? [{ repository: name, scope: null }] : [];
  const scopes = kind === 'repository' ? [] : [...loops.values()].flatMap((loop) => scopesOf(loop, name));
  const [found, other] = [...repositories, ...scopes];
  const list = 'fairlead get repositories and fairlead get scopes list them';
  if (found === undefined)
    throw new Failure('not-found', `there is no repository or scope ${text} that is served`, list);
  if (other === undefined) return found;
  throw ambiguous(text, [...repositories, ...scopes].map(choice));
}

function choice({ repository, scope }: Target) {
  return scope === null
    ? { kind: 'repository' as const, name: repository }
    : { kind: 'scope' as const, name: scope.path, uid: scope.uid };
}

function scopesOf(loop: RepositoryLoop, name: string): readonly Target[] {
  const scopes = [...(loop.state()?.scopes.values() ?? [])];
  return scopes.flatMap(({ uid, path }) => {
    const version = name === path || name === uid ? loop.versions(uid).at(-1) : undefined;
    return version === undefined ? [] : [{ repository: loop.name, scope: { uid, path, ...version } }];
  });
}

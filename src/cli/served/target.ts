import { Failure } from '../../base/failure.ts';
import { ambiguous, nameOneOf } from '../../base/target-choice.ts';
import { nearest } from '../../manifests/index.ts';
import { isAlive, type Repository, type Scope } from './read.ts';

/** What a command is about: one scope with its repository, or a repository with all of its scopes. */
export type Target = {
  readonly kind: 'repository' | 'scope';
  readonly name: string;
  readonly repository: Repository;
  /** Those that live, or one that was asked for. */
  readonly scopes: readonly Scope[];
};

/**
 * The repository or scope that is meant: `mesh`, `acme.payments` or its uid, `payments`, or `repository/mesh` and
 * `scope/acme` where both are called so; nothing means the only repository. Throws Failure target-unknown or
 * target-ambiguous.
 */
export function findTarget(
  repositories: readonly Repository[],
  scopes: readonly Scope[],
  wanted: string | undefined,
  only: Target['kind'] | null = null,
): Target {
  const both = [...repositories.map((one) => ofRepository(one, scopes)), ...ofScopes(scopes, repositories)];
  const all = both.filter(({ kind }) => only === null || kind === only);
  const some = candidates(all, wanted);
  const [found, second] = some;
  if (found !== undefined && second === undefined) return found;
  if (found !== undefined) throw ambiguous(wanted ?? 'which one?', some.map(choice));
  const bare = all.map(({ name }) => name);
  const meant = wanted === undefined ? null : nearest(wanted, bare);
  const fix = meant === null ? nameOneOf(all.map(choice)) : `did you mean ${meant}?`;
  throw new Failure(
    'target-unknown',
    `there is no ${only ?? 'repository or scope'} ${wanted ?? ''}`.trimEnd(),
    fix,
  );
}

function choice({ kind, name, scopes }: Target) {
  const uid = kind === 'scope' ? scopes[0]?.uid : undefined;
  return { kind, name, ...(uid === undefined ? {} : { uid }) };
}

function candidates(all: readonly Target[], wanted: string | undefined): readonly Target[] {
  if (wanted === undefined) return all.filter(({ kind }) => kind === 'repository');
  const isExact = ({ kind, name, scopes }: Target) =>
    [name, `${kind}/${name}`, kind === 'scope' ? scopes[0]?.uid : undefined].includes(wanted);
  const exact = all.filter(isExact);
  const last = ({ kind, name }: Target) => kind === 'scope' && name.split('.').at(-1) === wanted;
  return exact.length > 0 ? exact : all.filter(last);
}

function ofRepository(repository: Repository, scopes: readonly Scope[]): Target {
  const own = scopes.filter((scope) => scope.repository === repository.name && isAlive(scope));
  return { kind: 'repository', name: repository.name, repository, scopes: own };
}

function ofScopes(scopes: readonly Scope[], repositories: readonly Repository[]): readonly Target[] {
  return scopes.filter(isAlive).flatMap((scope) => {
    const repository = repositories.find(({ name }) => name === scope.repository);
    return repository === undefined
      ? []
      : [{ kind: 'scope' as const, name: scope.path, repository, scopes: [scope] }];
  });
}

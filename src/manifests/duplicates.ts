import type { Problem } from '../base/problem.ts';
import { codes } from './codes.ts';
import type { Position, Resource } from './types.ts';

/** A resource that stands on its own; `namePosition` is where it says its name. */
export type Draft = { readonly resource: Resource; readonly namePosition: Position };

/**
 * Leaves out every resource whose kind, namespace and name another one of the scope has: git knows no first, so
 * neither is served. Each problem names the other file.
 */
export function withoutTwins(drafts: readonly Draft[]): {
  readonly resources: readonly Resource[];
  readonly problems: readonly Problem[];
} {
  const named = drafts.filter(({ resource: { kind } }) => !nameless.includes(kind));
  const byIdentity = Map.groupBy(named, ({ resource }) => identityOf(resource));
  const resources = drafts.filter(
    ({ resource }) => (byIdentity.get(identityOf(resource))?.length ?? 1) === 1,
  );
  const twins = [...byIdentity.values()].filter(({ length }) => length > 1);
  return {
    resources: resources.map(({ resource }) => resource),
    problems: twins.flatMap((group) =>
      group.map((draft, index) => twinProblem(draft, group[index === 0 ? 1 : 0] ?? draft)),
    ),
  };
}

/** An IstioOperator has mostly no name, and what several MeshConfigs of a scope say is for the mesh to judge. */
const nameless: readonly Resource['kind'][] = ['IstioOperator', 'MeshConfig'];

function identityOf({ kind, namespace, name }: Resource): string {
  return `${kind} ${namespace}/${name}`;
}

function twinProblem({ resource, namePosition }: Draft, other: Draft): Problem {
  const { file, line } = other.resource.source;
  const message = `${identityOf(resource)} stands also in ${file}:${line}`;
  return {
    code: 'FL2202',
    severity: 'error',
    message,
    fix: codes.FL2202.fix,
    file: resource.source.file,
    ...namePosition,
  };
}

import type { VerifiedScope } from '../governance/index.ts';
import type { ScopeResources } from '../manifests/index.ts';
import { ownErrors } from './own-errors.ts';

/** Earlier versions that are looked at. Whoever wrote as many with errors is served what is left of the newest. */
const LOOKED_AT = 100;

/**
 * A scope is translated as one: where what it accepted last has an error of its own, what it accepted last without one; the
 * problems are those of the newest. `earlier`: newest first. Where no version is without, the newest, less what its errors
 * point at: a repository that is adopted with its mistakes can be governed at once.
 */
export async function lastGood(
  newest: ScopeResources,
  earlier: AsyncIterable<VerifiedScope>,
  read: (scope: VerifiedScope) => ScopeResources,
): Promise<ScopeResources> {
  const errors = ownErrors(newest);
  if (errors.length === 0) return newest;
  let looked = 0;
  for await (const scope of earlier) {
    if (looked === LOOKED_AT) break;
    looked += 1;
    const resources = read(scope);
    if (ownErrors(resources).length > 0) continue;
    const others = newest.problems.filter((problem) => !errors.includes(problem));
    return { ...resources, problems: [...errors, ...others] };
  }
  return newest;
}

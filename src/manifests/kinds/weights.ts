import type { RouteDestination } from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';

/** Weights are proportions, whatever they add up to; a destination without one gets nothing. */
export function* checkWeights(
  route: readonly RouteDestination[] | undefined,
  what: 'request' | 'connection',
  path: Path,
): Generator<Finding> {
  if (route === undefined) return;
  const total = route.reduce((sum, { weight = 0 }) => sum + weight, 0);
  const isAlone = route.length === 1 && route[0]?.weight === undefined;
  if (isAlone) return;
  if (total === 0 || total > 4_294_967_295) {
    const message =
      total === 0 ? 'no destination has a weight' : 'the weights add up to more than 4294967295';
    yield { code: 'FL2201', message, path: [...path, 'route'] };
    return;
  }
  for (const [index, { weight, destination }] of route.entries()) {
    if (weight !== undefined) continue;
    yield { code: 'FL2210', message: `${destination.host} gets no ${what}`, path: [...path, 'route', index] };
  }
}

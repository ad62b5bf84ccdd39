import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';

/** Fields of Istio's API that Istio itself reads and leaves alone; manifests that have them mean nothing by it. */
export function* checkIdle(fields: Readonly<Record<string, unknown>>, path: Path): Generator<Finding> {
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const message = `${name} says nothing, in Istio neither`;
    yield { code: 'FL2280', message, path: [...path, name], on: 'key', fix: 'leave it out' };
  }
}

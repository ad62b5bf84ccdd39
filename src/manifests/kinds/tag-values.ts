import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { checkCel } from './cel.ts';

/** The value of a metric's tag: without one of these Envoy would refuse the listener that counts. */
export function* checkTagValue(value: string, path: Path): Generator<Finding> {
  for (const { message, path: place } of checkCel(value, path))
    yield { code: 'FL2283', message, path: place };
}

export function isTagValue(value: string): boolean {
  return checkTagValue(value, []).next().done === true;
}

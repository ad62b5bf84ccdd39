import { durationMs } from '../duration.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';

/** What Go's `time.Duration` can hold, hence Istio: some 292 years. */
const longestMs = 2_562_047 * 36e5;

/** What Linux takes for the time and the interval of TCP keep-alive: some nine hours. */
const longestKeepAliveMs = 32_767_000;

/** What a duration has to be; absent: at least 1ms. */
type Kind = 'or-zero' | 'keep-alive';

/** The durations among `fields` that are too short, too long, or not of their kind. */
export function* checkDurations(
  fields: Readonly<Record<string, string | undefined>>,
  path: Path,
  kinds: Readonly<Record<string, Kind>> = {},
): Generator<Finding> {
  for (const [name, duration] of Object.entries(fields)) {
    if (duration === undefined) continue;
    const wrong = wrongWith(durationMs(duration), kinds[name]);
    if (wrong === null) continue;
    const fix = kinds[name] === 'keep-alive' ? { fix: 'write whole seconds from 1s to 32767s' } : {};
    yield { code: 'FL2110', message: `${duration} ${wrong}`, path: [...path, name], ...fix };
  }
}

function wrongWith(ms: number, kind: Kind | undefined): string | null {
  if (ms > (kind === 'keep-alive' ? longestKeepAliveMs : longestMs)) return 'is too long';
  if (kind === 'keep-alive') return ms >= 1000 && ms % 1000 === 0 ? null : 'is not in whole seconds';
  if (ms === 0 && kind === 'or-zero') return null;
  return ms < 1 ? 'is less than 1ms' : null;
}

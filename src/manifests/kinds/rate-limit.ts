import {
  type RateLimitManifest,
  type RateLimitRule,
  validateRateLimit,
} from '../../generated/schemas/index.ts';
import { durationMs } from '../duration.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { defineKind } from './kind.ts';

/** Fairlead's RateLimit: how many requests each proxy of some workloads lets in. */
export const rateLimit = defineKind({
  name: 'RateLimit',
  apiVersions: ['fairlead.dev/v1alpha1'],
  validate: validateRateLimit,
  check,
  resource: ({ spec }, about) => ({ ...about, kind: 'RateLimit', spec }),
});

function* check({ spec: { rules, responseHeaders = {} } }: RateLimitManifest): Generator<Finding> {
  for (const name of Object.keys(responseHeaders)) {
    if (name.toLowerCase() !== 'host') continue;
    const path = ['spec', 'responseHeaders', name];
    yield { code: 'FL2223', message: `${name} cannot be set here`, path, on: 'key', fix: 'remove it' };
  }
  const matches = rules.map(({ match = {} }) => JSON.stringify(match));
  for (const [index, rule] of rules.entries()) {
    const path = ['spec', 'rules', index];
    if (matches.indexOf(matches[index] ?? '') < index)
      yield { code: 'FL2212', message: 'an earlier rule is for the same requests', path };
    yield* checkRule(rule, path);
  }
}

/** What Envoy takes as the time in which tokens come back (50ms), and a day, after which nobody looks. */
const [leastMs, mostMs] = [50, 864e5];

function* checkRule({ match = {}, per }: RateLimitRule, path: Path): Generator<Finding> {
  const ms = durationMs(per);
  if (ms < leastMs || ms > mostMs) {
    const fix = 'write a duration from 50ms to 24h';
    yield {
      code: 'FL2110',
      message: `${per} is too ${ms < leastMs ? 'short' : 'long'}`,
      path: [...path, 'per'],
      fix,
    };
  }
  for (const [index, { exact, prefix }] of (match.headers ?? []).entries()) {
    if (exact === undefined || prefix === undefined) continue;
    const at = [...path, 'match', 'headers', index, 'prefix'];
    yield { code: 'FL2220', message: 'prefix beside exact', path: at, on: 'key' };
  }
}

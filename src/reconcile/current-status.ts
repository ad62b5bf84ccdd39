import type { Pin } from '../governance/index.ts';
import type { Clock } from './clock.ts';
import type { Facts } from './facts.ts';
import type { Keeper } from './kept.ts';
import type { Known } from './known.ts';
import type { Distribution } from './publisher.ts';
import { createReport } from './report.ts';
import type { Served } from './serve.ts';
import type { RepositoryStatus } from './status.ts';
import type { Timelines } from './timelines.ts';
import { createTransitions } from './transitions.ts';

export type StatusOptions = {
  readonly name: string;
  readonly pin: Pin;
  readonly pollMs: number;
  readonly clock: Clock;
  readonly served: Served;
  readonly distribution: Distribution;
  readonly keeper: Pick<Keeper, 'suspended' | 'apart'>;
};

/** `proxies`: as `Distribution` has them, for who asks several loops and lists them once. */
export type CurrentStatus = (proxies?: ReturnType<Distribution['proxies']>) => RepositoryStatus;

/** The status of a repository at this moment. Who asks changes one thing: when a condition was seen first to be as it is. */
export function createCurrentStatus(
  options: StatusOptions,
  known: Known,
  timelines: Timelines,
): CurrentStatus {
  const report = createReport();
  const stamp = createTransitions();
  return (proxies = options.distribution.proxies()) => {
    const facts = factsNow(options, known, timelines, new Set(proxies.map(({ proxy }) => proxy)));
    timelines.follow();
    return stamp(report(facts, proxies), options.clock.now());
  };
}

function factsNow(
  { name, pin, pollMs, clock, served, distribution, keeper }: StatusOptions,
  { facts }: Known,
  timelines: Timelines,
  connected: ReadonlySet<string>,
): Facts {
  const { stages, verifiedSteadyMs } = facts;
  const translateMs = stages.translateMs === null ? null : stages.translateMs + served.translateMs();
  const { applied, failed: leftOut } = served.of(name);
  return {
    ...facts,
    ...{ name, pin, pollMs, applied, leftOut, timelines },
    push: distribution.pushed(),
    suspension: keeper.suspended(name),
    apart: keeper.apart(name),
    verifiedAgeMs: verifiedSteadyMs === null ? null : clock.steadyMs() - verifiedSteadyMs,
    untranslated: new Map([...served.failures()].filter(([proxy]) => connected.has(proxy))),
    stages: { ...stages, translateMs },
  };
}

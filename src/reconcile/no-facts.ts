import { Failure } from '../base/failure.ts';
import type { Facts } from './report.ts';
import type { Stages } from './status.ts';

export const NO_STAGES: Stages = { fetchMs: null, verifyMs: null, translateMs: null, ackMs: null };

/** What a run that threw says of itself. */
export function operational(error: unknown): { code: string; message: string; fix: string } {
  if (error instanceof Failure) return { code: error.code, message: error.message, fix: error.fix };
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'internal', message, fix: 'this is a bug of Fairlead: report it with the log' };
}

/** What a loop knows before its first run. */
export function noFacts(
  { name, pin, pollMs }: Pick<Facts, 'name' | 'pin' | 'pollMs'>,
  timelines: Facts['timelines'],
): Facts {
  const nothing = { followedTip: null, state: null, offeredTip: null, refused: null, stale: false };
  const unserved = {
    fetchOkMs: null,
    verifiedAgeMs: null,
    runs: { started: 0, finished: 0 },
    failure: null,
    appliedRevision: null,
    applied: new Map(),
    push: null,
    outOfSync: new Map(),
    suspension: null,
    kept: new Map(),
    apart: null,
    problems: [],
    built: null,
    notBuilt: null,
  };
  return {
    name,
    pin,
    pollMs,
    timelines,
    ...nothing,
    ...unserved,
    untranslated: new Map(),
    stages: NO_STAGES,
    trace: null,
  };
}

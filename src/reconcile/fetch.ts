import { Failure } from '../base/failure.ts';
import type { GitBackend, ObjectId } from '../git/index.ts';
import { type Clock, withTimeout } from './clock.ts';

export type FetchOptions = {
  readonly git: Pick<GitBackend, 'fetch'>;
  readonly clock: Clock;
  /** How long the remote may be silent, which `git` holds it to. */
  readonly fetchTimeoutMs: number;
};

/** A first clone may take long, and would begin anew for ever; one that drips may not hold its repository for ever either. */
export const FETCH_TIMEOUTS = 20;

/** The offered tip. Throws `Failure` `remote-timeout`, and what the backend throws. */
export function fetchWithin(
  { git, clock, fetchTimeoutMs }: FetchOptions,
  signal?: AbortSignal,
): Promise<ObjectId> {
  const limitMs = FETCH_TIMEOUTS * fetchTimeoutMs;
  const message = `the remote was not done after ${limitMs} ms, which is ${FETCH_TIMEOUTS} times fetchTimeout`;
  const fix = 'check the network; raise fetchTimeout if so much has to be fetched';
  return withTimeout(
    clock,
    limitMs,
    (timeout) => git.fetch(signal === undefined ? timeout : AbortSignal.any([signal, timeout])),
    () => new Failure('remote-timeout', message, fix),
  );
}

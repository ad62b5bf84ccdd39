import { Failure } from '../base/failure.ts';
import type { GitBackend, ObjectId } from '../git/index.ts';
import { type Clock, withTimeout } from './clock.ts';

export type FetchOptions = {
  readonly git: GitBackend;
  readonly clock: Clock;
  readonly fetchTimeoutMs: number;
};

/** The offered tip. Throws `Failure` `remote-timeout`, and what the backend throws. */
export function fetchWithin(
  { git, clock, fetchTimeoutMs }: FetchOptions,
  signal?: AbortSignal,
): Promise<ObjectId> {
  return withTimeout(
    clock,
    fetchTimeoutMs,
    (timeout) => git.fetch(signal === undefined ? timeout : AbortSignal.any([signal, timeout])),
    () =>
      new Failure('remote-timeout', `the remote did not answer in ${fetchTimeoutMs} ms`, 'check the network'),
  );
}

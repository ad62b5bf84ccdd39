import { Failure } from '../../base/failure.ts';
import type { EffectiveConfig } from '../../config.ts';
import type { Context } from '../context.ts';

/** What a check found. `warn`: it works, but not all of it or not for long; `fail`: it does not work. */
export type Finding = {
  readonly state: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** What to do; null where all is well. */
  readonly fix: string | null;
};

/** One question about this machine. `docs/checks.md` has a section of its name. */
export type Check = {
  readonly name: string;
  /** It says nothing where the configuration cannot be read. */
  readonly needsConfig?: true;
  /** Nothing where it does not concern this configuration. Throws Failure for what is wrong. */
  readonly run: (
    context: Context,
    config: EffectiveConfig['config'],
  ) => Promise<Found | readonly Found[] | null>;
};

/** `about`: which of several things it is of. */
export type Found = Finding & { readonly about?: string | null };

export function ok(message: string): Finding {
  return { state: 'ok', message, fix: null };
}

export function warn(message: string, fix: string): Finding {
  return { state: 'warn', message, fix };
}

export function fail(message: string, fix: string): Finding {
  return { state: 'fail', message, fix };
}

/** A check that throws a Failure has found it. */
export function failed(error: unknown): Finding {
  if (error instanceof Failure) return fail(`${error.message} [${error.code}]`, error.fix);
  throw error;
}

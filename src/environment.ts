import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** Variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The one place that reads the process' environment. */
export function environment(): Environment {
  return process.env;
}

/** `$XDG_CACHE_HOME/fairlead`: what can be fetched again. */
export function cacheDir({ XDG_CACHE_HOME, HOME }: Environment): string {
  const given = XDG_CACHE_HOME !== undefined && isAbsolute(XDG_CACHE_HOME);
  return join(given ? XDG_CACHE_HOME : join(HOME ?? home(), '.cache'), 'fairlead');
}

/** A user that the system does not know has none: as for a daemon, it is the root then. */
export function home(): string {
  try {
    return homedir();
  } catch {
    return '/';
  }
}

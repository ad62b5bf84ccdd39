/**
 * The HTTP edge: read-only, JSON, `apiVersion` and `kind` in every answer. Guarantees: no request changes what is
 * served (a hook is only a hint to fetch, and a suspension keeps what is served), and none ends the process. Refuses hooks that are
 * neither signed nor from this machine, suspensions without the secret of the data folder, bodies over 1 MiB, and everything that is not in the list of routes, each with a code and what to do.
 */
export { createApi } from './server.ts';
export type { ApiSource } from './source.ts';

import { Failure } from './base/failure.ts';
import { flagOf, type ServerConfig } from './config.ts';

type Listener = { readonly listen: (host: string, port: number) => Promise<number> };

/** Throws Failure port-unusable: taken, not of this machine, or only for root. */
export async function listen(
  server: Listener,
  setting: 'http' | 'xds',
  { host, port }: ServerConfig['http'],
) {
  try {
    return await server.listen(host, port);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    const why = said.includes('EADDRINUSE') ? 'somebody listens there already' : said;
    const fix = `choose another: ${flagOf(setting)} host:port; fairlead check --pre tells before`;
    throw new Failure('port-unusable', `${setting} ${host}:${port}: ${why}`, fix, { cause });
  }
}

import { Failure } from '../../base/failure.ts';

/** What an application asks for. */
export type Request = {
  readonly method: string;
  readonly scheme: 'http' | 'https' | 'tcp';
  readonly host: string;
  readonly port: number;
  /** As the application writes it: with the port where it is not the scheme's. */
  readonly authority: string;
  readonly path: string;
  /** By name in lower case. */
  readonly query: ReadonlyMap<string, string>;
  /** With `:method`, `:authority` and `:path`, by name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
};

const PORTS = { http: 80, https: 443, tcp: 0 } as const;

/** A URL, `host`, `host:port`, or `host/path`. Throws Failure url-malformed. */
export function readRequest(written: string, method: string, headers: readonly string[]): Request {
  const url = URL.parse(/^[a-z]+:\/\//i.test(written) ? written : `http://${written}`);
  const scheme = (['http', 'https', 'tcp'] as const).find((known) => `${known}:` === url?.protocol);
  if (url === null || scheme === undefined || url.hostname === '') throw malformed(written);
  const host = url.hostname.toLowerCase();
  const port = url.port === '' ? PORTS[scheme] : Number(url.port);
  if (port === 0) throw malformed(written);
  const authority = port === PORTS[scheme] ? host : `${host}:${port}`;
  const path = url.pathname === '' ? '/' : url.pathname;
  const said = headers.map(headerOf);
  const pseudo = [
    [':method', method],
    [':authority', authority],
    [':path', `${path}${url.search}`],
    [':scheme', scheme],
  ] as const;
  const query = new Map(url.searchParams);
  return { method, scheme, host, port, authority, path, query, headers: new Map([...pseudo, ...said]) };
}

function headerOf(text: string): readonly [string, string] {
  const cut = text.indexOf(':');
  if (cut > 0) return [text.slice(0, cut).trim().toLowerCase(), text.slice(cut + 1).trim()];
  throw new Failure('header-malformed', `${text} is no header`, "write --header 'name: value'");
}

function malformed(written: string): Failure {
  const fix = 'write a host, host:port, or a URL: http://api.shop:8080/cart, tcp://db.shop:5432';
  return new Failure('url-malformed', `${written} is nothing that a proxy is asked for`, fix);
}

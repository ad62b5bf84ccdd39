import { isAbsolute, join, resolve } from 'node:path';
import type { Environment } from './environment.ts';
import type { RepositoryFile, ServerConfigFile } from './generated/schemas/index.ts';
import { GIT_BACKENDS, type GitBackendName } from './git/index.ts';
import { durationMs } from './manifests/index.ts';
import type { RedisServer } from './reconcile/index.ts';

/** Why a text is no value of its setting, and what to write instead. */
export class Unfit {
  readonly why: string;
  readonly fix: string;

  constructor(why: string, fix: string) {
    this.why = why;
    this.fix = fix;
  }
}

type Default = string | null | undefined | ((environment: Environment) => string);

type Setting<Key extends string, Value, Otherwise extends Default> = {
  /** What it is called in `ServerConfig`. */
  readonly key: Key;
  /** Of the flag, as `--help` shows it. */
  readonly argument: string;
  readonly help: string;
  /** `undefined`: it has to be given; null: it is null where it is not given. */
  readonly otherwise: Otherwise;
  /** A variable of everybody, which counts where nobody says it to us. */
  readonly shared: string | null;
  /** For completion; `parse` decides. */
  readonly choices: readonly string[];
  /** `folder`: what relative paths are relative to. */
  readonly parse: (text: string, folder: string) => Value | Unfit;
};

/** What is said of a repository: one line here, and one property of an entry of `repositories` and of the file itself. */
export const repositorySettings = {
  repository: of('repository', '<url>', 'http(s) or SSH URL, or a folder', undefined, repository),
  branch: of('branch', '<name>', 'the main line', 'main', text),
  pin: of('pin', '<file>', 'what `fairlead trust` wrote', undefined, path),
  gitBackend: of(
    'gitBackend',
    '<name>',
    'auto (the faster one), isomorphic or native',
    'auto',
    gitBackend,
    GIT_BACKENDS,
  ),
  sshKeyFile: of('sshKeyFile', '<file>', 'private key for an SSH repository', null, path),
  knownHostsFile: of('knownHostsFile', '<file>', 'keys of its host, as `ssh` has them', null, path),
  tokenFile: of('tokenFile', '<file>', 'token or password for an https repository', null, path),
  username: of('username', '<name>', 'of that token', 'git', username),
  githubAppFile: of('githubAppFile', '<file>', 'a GitHub App in place of a token', null, path),
  caFile: of('caFile', '<file>', 'the authorities of its https host, in PEM', null, path),
  proxy: of('proxy', '<url>', 'http proxy on the way to it (default: HTTPS_PROXY)', null, proxy),
  webhookSecretFile: of('webhookSecretFile', '<file>', 'secrets that webhooks are signed with', null, path),
  name: of('name', '<name>', 'of the repository in the API', 'mesh', dnsLabel),
  poll: of('pollMs', '<duration>', 'how often to look at the remote', '1m', duration),
  fetchTimeout: of('fetchTimeoutMs', '<duration>', 'of silence in a fetch', '60s', duration),
} satisfies Settings<keyof RepositoryFile>;

/** What is said of the server. */
export const serverSettings = {
  dataDir: of('dataDir', '<folder>', 'what has to survive a restart', defaultDataDir, path),
  xds: of('xds', '<address>', 'for proxies, plain text on loopback', '127.0.0.1:15010', loopback),
  http: of('http', '<address>', 'the API', '127.0.0.1:15014', address),
  removalTimeout: of(
    'removalTimeoutMs',
    '<duration>',
    'how long a removal waits for an ACK',
    '30s',
    duration,
  ),
  maxConnectionAge: of(
    'maxConnectionAgeMs',
    '<duration>',
    'when a proxy is asked to connect anew',
    null,
    duration,
  ),
  keepalive: of('keepaliveMs', '<duration>', 'how often to ask whether a proxy is there', '30s', duration),
  otlpEndpoint: {
    ...of('otlpEndpoint', '<url>', 'who takes traces, by OTLP over HTTP', null, otlpEndpoint),
    shared: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  },
  redis: of('redis', '<url>', 'by which replicas share the work', null, redis),
  redisUsername: of('redisUsername', '<name>', 'an ACL user of Redis', null, text),
  redisPasswordFile: of('redisPasswordFile', '<file>', 'with the password of Redis', null, path),
  redisSentinelPasswordFile: of('redisSentinelPasswordFile', '<file>', 'with that of Sentinels', null, path),
  redisCaFile: of('redisCaFile', '<file>', 'who may vouch for Redis, in PEM', null, path),
  redisPrefix: of('redisPrefix', '<text>', 'of all keys in Redis', 'fairlead', prefix),
} satisfies Settings<
  Exclude<keyof ServerConfigFile, 'apiVersion' | 'kind' | 'repositories' | Structured | keyof RepositoryFile>
>;

/** What is more than a text: only the file can say it, and its schema is all that checks it. */
export const structuredSettings = ['redisSentinel', 'redisCluster'] as const;

type Structured = (typeof structuredSettings)[number];

/** Null where the file does not say it. */
export type StructuredConfig = {
  readonly [Name in Structured]: NonNullable<ServerConfigFile[Name]> | null;
};

type Settings<Names extends string> = Readonly<Record<Names, Setting<string, unknown, Default>>>;

/** A setting of `fairlead serve`: a flag, a variable, and a property of the file. */
export const settings = { ...repositorySettings, ...serverSettings };

export type SettingName = keyof typeof settings;

type ValueOf<One extends Setting<string, unknown, Default>> =
  | Exclude<ReturnType<One['parse']>, Unfit>
  | Extract<One['otherwise'], null>;
type Values<Table extends Settings<string>> = {
  readonly [Name in keyof Table as Table[Name]['key']]: ValueOf<Table[Name]>;
};

/** One repository that is followed. Times in milliseconds, paths absolute. */
export type RepositoryConfig = Values<typeof repositorySettings>;

/** Everything `fairlead serve` can be told. Times in milliseconds, paths absolute. */
export type ServerConfig = Values<typeof serverSettings> &
  StructuredConfig & {
    /** At least one; no two have one name. */
    readonly repositories: readonly RepositoryConfig[];
  };

function of<Key extends string, Value, Otherwise extends Default>(
  key: Key,
  argument: string,
  help: string,
  otherwise: Otherwise,
  parse: Setting<Key, Value, Otherwise>['parse'],
  choices: readonly string[] = [],
): Setting<Key, Value, Otherwise> {
  return { key, argument, help, otherwise, shared: null, parse, choices };
}

/** `$XDG_STATE_HOME/fairlead`; the XDG specification has relative values ignored. */
function defaultDataDir({ XDG_STATE_HOME, HOME = '/' }: Environment): string {
  const given = XDG_STATE_HOME !== undefined && isAbsolute(XDG_STATE_HOME);
  return join(given ? XDG_STATE_HOME : join(HOME, '.local', 'state'), 'fairlead');
}

function text(given: string): string {
  return given;
}

function path(given: string, folder: string): string {
  return resolve(folder, given);
}

function dnsLabel(given: string): string | Unfit {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(given)) return given;
  return new Unfit(`${JSON.stringify(given)} is no DNS label`, 'use a-z, 0-9 and -');
}

/** A password in a URL would end up in process lists and logs, and so would a token, which forges take as the user, too. */
function repository(given: string, folder: string): string | Unfit {
  if (/^\s*https?:[\\/]*[^\\/?#]*@/i.test(given)) {
    const fix = 'leave out all before @: a user goes into username, a token or password into tokenFile';
    return new Unfit(`the URL holds ${/:[^/@]*@/.test(given) ? 'a password' : 'a user or a token'}`, fix);
  }
  if (/^[a-z+]+:\/\/[^/]*:[^/]*@/i.test(given)) {
    return new Unfit('the URL holds a password', 'leave it out');
  }
  return /^[a-z+]+:\/\//i.test(given) || /^[^/]+@[^/]+:/.test(given) ? given : resolve(folder, given);
}

/** RFC 7617: no colon. */
function username(given: string): string | Unfit {
  if (/^[^:\p{Cc}]{1,255}$/u.test(given)) return given;
  return new Unfit(`${JSON.stringify(given)} is no user name`, 'leave out colons and control characters');
}

function proxy(given: string): string | Unfit {
  const url = URL.parse(given);
  if (url === null || !/^https?:$/.test(url.protocol))
    return new Unfit('it is no http URL', 'write http://host:port');
  if (url.username === '' && url.password === '') return given;
  return new Unfit('the URL holds a password', 'leave it out');
}

function gitBackend(given: string): GitBackendName | Unfit {
  const found = GIT_BACKENDS.find((name) => name === given);
  return found ?? new Unfit(`there is no ${JSON.stringify(given)}`, `use ${GIT_BACKENDS.join(', ')}`);
}

/** As Go and Istio write them, in whole milliseconds. */
function duration(given: string): number | Unfit {
  const ms = /^([0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m|h))+$/.test(given) ? Math.round(durationMs(given)) : 0;
  return ms > 0 ? ms : new Unfit(`${JSON.stringify(given)} is no duration`, 'write e.g. 30s, 1m or 500ms');
}

/** One server, without who asks it. */
function redis(given: string): RedisServer | Unfit {
  const url = URL.parse(given);
  const found = /^\/?(\d{0,6})$/.exec(url?.pathname ?? '');
  if (url === null || !/^rediss?:$/.test(url.protocol) || url.hostname === '' || found === null) {
    return new Unfit(
      `${JSON.stringify(withoutLogin(given))} is no URL of Redis`,
      'write redis://host:port/db',
    );
  }
  if (url.username !== '' || url.password !== '') {
    return new Unfit('the URL holds a user or a password', 'say redisUsername and redisPasswordFile');
  }
  if (url.search !== '' || url.hash !== '') return new Unfit('the URL holds options', 'leave them out');
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const tls = url.protocol === 'rediss:';
  return { host, port: Number(url.port || 6379), db: Number(found[1] || 0), tls };
}

/** Tokens go by headers: the URL is shown and logged. */
function otlpEndpoint(given: string): string | Unfit {
  const url = URL.parse(given);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return new Unfit('it is no http URL', 'write http://host:4318');
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    return new Unfit('the URL holds more than a place', 'give tokens by OTEL_EXPORTER_OTLP_HEADERS');
  }
  return given;
}

/** Braces say where in a Redis Cluster its keys lie. */
function prefix(given: string): string | Unfit {
  if (/^[\w.:{}-]{1,100}$/.test(given)) return given;
  return new Unfit(`${JSON.stringify(given)} is no prefix of keys`, 'use letters, digits and . : { } _ -');
}

/** It is shown and logged. */
function withoutLogin(url: string): string {
  return url.replace(/[^/]*@/, '');
}

type Address = { readonly host: string; readonly port: number };

/** `host:port`, `[::1]:port`, `:port` or `port`; without a host, loopback. Port 0 is any free one. */
function address(given: string): Address | Unfit {
  const [, ipv6, host, digits] = /^(?:(?:\[([0-9a-f:.]+)\]|([^:[\]]*)):)?([0-9]{1,5})$/i.exec(given) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) {
    return new Unfit(`${JSON.stringify(given)} is no address`, 'write host:port');
  }
  return { host: ipv6 ?? (host || '127.0.0.1'), port };
}

function loopback(given: string): Address | Unfit {
  const found = address(given);
  if (found instanceof Unfit || /^(127\.\d+\.\d+\.\d+|::1|localhost)$/.test(found.host)) return found;
  const why = `${found.host} is not this machine, and xDS is served in plain text`;
  return new Unfit(why, 'listen on 127.0.0.1, and forward the port where proxies are elsewhere');
}

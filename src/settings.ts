import { isAbsolute, join } from 'node:path';
import type { Environment } from './environment.ts';
import type { RepositoryFile, ServerConfigFile } from './generated/schemas/index.ts';
import { GIT_BACKENDS } from './git/index.ts';
import {
  address,
  branch,
  dnsLabel,
  duration,
  gitBackend,
  loopback,
  otlpEndpoint,
  path,
  prefix,
  proxy,
  redis,
  repository,
  text,
  type Unfit,
  username,
} from './setting-values.ts';

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
  branch: of('branch', '<name>', 'the main line', 'main', branch),
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

import type { EffectiveConfig, Flags, RepositoryConfig, ServerConfig } from '../config.ts';
import type { openGit } from '../git/index.ts';
import type { Terminal } from './terminal.ts';

/** What of a configuration is about the remote. */
export type GitConfig = Pick<
  RepositoryConfig,
  | 'repository'
  | 'branch'
  | 'fetchTimeoutMs'
  | 'gitBackend'
  | 'sshKeyFile'
  | 'knownHostsFile'
  | 'username'
  | 'tokenFile'
  | 'githubAppFile'
  | 'caFile'
  | 'proxy'
>;

/** What of a configuration is about Redis. */
type RedisConfig = Pick<
  ServerConfig,
  | 'redis'
  | 'redisSentinel'
  | 'redisCluster'
  | 'redisUsername'
  | 'redisPasswordFile'
  | 'redisSentinelPasswordFile'
  | 'redisCaFile'
  | 'redisPrefix'
>;

/** What was found at one question to Redis: the name of the check, and as in a finding. */
export type RedisFinding = {
  readonly check: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly message: string;
  readonly fix: string | null;
};

/** What the command line is given by `program.ts`. */
export type Surroundings = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Kept between runs: the fetched Envoy. */
  readonly cacheDir: string;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Runs the control plane until it is told to stop; the exit code. */
  readonly serve: (flags: Flags) => Promise<number>;
  /** What `serve` would run with. Throws Failure config-invalid. */
  readonly readConfig: (flags: Flags) => Promise<EffectiveConfig>;
  /** Who holds the data folder; null where nobody does. Changes nothing. Throws Failure data-format. */
  readonly inspectDataFolder: (path: string) => Promise<string | null>;
  /** Whether replicas can share their work by it; empty where none is configured. Throws Failure config-invalid. */
  readonly inspectRedis: (config: RedisConfig) => Promise<readonly RedisFinding[]>;
  /** The git store that `serve` would have in `gitdir`, and by which backend. Throws Failure. */
  readonly openRemote: (config: GitConfig, gitdir: string) => ReturnType<typeof openGit>;
};

/** What every command has. */
export type Context = Omit<Surroundings, 'stdout' | 'stderr'> & {
  readonly terminal: Terminal;
  /** What the command has opened; it is closed at the end, however that comes. */
  readonly opened: AsyncDisposableStack;
  /** Says with which code the process ends. */
  readonly finish: (code: number) => void;
};

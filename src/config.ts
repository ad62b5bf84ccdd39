import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { Failure } from './base/failure.ts';

/** The one place that reads the process' environment. */
export function environment(): Environment {
  return process.env;
}

export type Environment = Readonly<Record<string, string | undefined>>;

type Address = { readonly host: string; readonly port: number };

/** Everything `fairlead serve` can be told. Times in milliseconds. */
export type ServerConfig = {
  readonly dataDir: string;
  /** Name of the repository in the API, the logs and the data folder: a DNS label. */
  readonly name: string;
  /** http(s) URL, or an absolute path on this machine. */
  readonly repository: string;
  readonly branch: string;
  /** The file that `fairlead trust` wrote. */
  readonly pin: string;
  readonly pollMs: number;
  readonly fetchTimeoutMs: number;
  readonly removalTimeoutMs: number;
  /** Plain text, so loopback only. */
  readonly xds: Address;
  readonly http: Address;
};

/** Flags as they were typed; each may stand in the environment (`FAIRLEAD_DATA_DIR`) or the file (`dataDir`) too. */
export type Flags = Readonly<Partial<Record<Setting | 'config', string>>>;

type Setting =
  | 'dataDir'
  | 'name'
  | 'repository'
  | 'branch'
  | 'pin'
  | 'poll'
  | 'fetchTimeout'
  | 'removalTimeout'
  | 'xds'
  | 'http';

const SETTINGS: readonly Setting[] = [
  'dataDir',
  'name',
  'repository',
  'branch',
  'pin',
  'poll',
  'fetchTimeout',
  'removalTimeout',
  'xds',
  'http',
];

export type ConfigInput = {
  readonly flags: Flags;
  readonly environment: Environment;
  /** Paths are relative to it. */
  readonly cwd: string;
  /** Text of the file that `configFile` names; null where none is named. */
  readonly file: string | null;
};

/** `--config`, else `FAIRLEAD_CONFIG`, else none. */
export function configFile(flags: Flags, env: Environment, cwd: string): string | null {
  const path = flags.config ?? env.FAIRLEAD_CONFIG;
  return path === undefined ? null : resolve(cwd, path);
}

/** Flag, else environment, else file, else default. Throws `Failure` `config-invalid` that names the setting. */
export function serverConfig(input: ConfigInput): ServerConfig {
  const file = input.file === null ? {} : parseFile(input.file);
  const get = (setting: Setting, otherwise?: string): string => {
    const value = input.flags[setting] ?? input.environment[variable(setting)] ?? file[setting] ?? otherwise;
    if (value === undefined || value === '') throw invalid(setting, 'it is needed', 'give it');
    return value;
  };
  const dataDir = resolve(input.cwd, get('dataDir', defaultDataDir(input.environment)));
  const name = dnsLabel(get('name', 'mesh'));
  return {
    dataDir,
    name,
    repository: repository(get('repository'), input.cwd),
    branch: get('branch', 'main'),
    pin: resolve(input.cwd, get('pin')),
    pollMs: duration('poll', get('poll', '1m')),
    fetchTimeoutMs: duration('fetchTimeout', get('fetchTimeout', '60s')),
    removalTimeoutMs: duration('removalTimeout', get('removalTimeout', '30s')),
    xds: loopback(address('xds', get('xds', '127.0.0.1:15010'))),
    http: address('http', get('http', '127.0.0.1:15014')),
  };
}

/** `$XDG_STATE_HOME/fairlead`; the XDG specification has relative values ignored. */
function defaultDataDir({ XDG_STATE_HOME, HOME }: Environment): string {
  const given = XDG_STATE_HOME !== undefined && isAbsolute(XDG_STATE_HOME);
  return join(given ? XDG_STATE_HOME : join(HOME ?? homedir(), '.local', 'state'), 'fairlead');
}

/** `$XDG_CACHE_HOME/fairlead`: what can be fetched again. */
export function cacheDir({ XDG_CACHE_HOME, HOME }: Environment): string {
  const given = XDG_CACHE_HOME !== undefined && isAbsolute(XDG_CACHE_HOME);
  return join(given ? XDG_CACHE_HOME : join(HOME ?? homedir(), '.cache'), 'fairlead');
}

function variable(setting: Setting): string {
  return `FAIRLEAD_${setting.replace(/[A-Z]/g, '_$&').toUpperCase()}`;
}

function flag(setting: Setting): string {
  return `--${setting.replace(/[A-Z]/g, '-$&').toLowerCase()}`;
}

function parseFile(text: string): Partial<Record<Setting, string>> {
  const bad = (why: string) =>
    new Failure('config-invalid', `the configuration file: ${why}`, 'correct the file');
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw bad(String(error));
  }
  if (typeof value !== 'object' || value === null) throw bad('it is not a mapping');
  const { apiVersion, kind, ...rest } = value as Record<string, unknown>;
  const version = apiVersion === 'fairlead.dev/v1alpha1' && kind === 'ServerConfig';
  if (!version) throw bad('apiVersion fairlead.dev/v1alpha1 and kind ServerConfig are needed');
  const unknown = Object.keys(rest).find((name) => !SETTINGS.some((setting) => setting === name));
  if (unknown !== undefined) throw bad(`there is no setting ${unknown}`);
  const wrong = Object.entries(rest).find(([, given]) => typeof given !== 'string');
  if (wrong !== undefined) throw bad(`${wrong[0]} has to be a string`);
  return rest as Partial<Record<Setting, string>>;
}

function dnsLabel(text: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text;
  throw invalid('name', `${JSON.stringify(text)} is no DNS label`, 'use a-z, 0-9 and -');
}

/** A password in a URL would end up in process lists and logs. */
function repository(text: string, cwd: string): string {
  if (/^[a-z+]+:\/\/[^/]*:[^/]*@/i.test(text)) {
    throw invalid('repository', 'the URL holds a password', 'leave it out');
  }
  return /^[a-z+]+:\/\//i.test(text) || /^[^/]+@[^/]+:/.test(text) ? text : resolve(cwd, text);
}

const UNITS_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

function duration(setting: Setting, text: string): number {
  const [, count, unit] = /^([1-9][0-9]{0,8})(ms|s|m|h)$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) {
    throw invalid(setting, `${JSON.stringify(text)} is no duration`, 'write e.g. 30s, 1m or 500ms');
  }
  return Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS];
}

/** `host:port`, `[::1]:port`, `:port` or `port`; without a host, loopback. Port 0 is any free one. */
function address(setting: Setting, text: string): Address {
  const [, ipv6, host, digits] = /^(?:(?:\[([0-9a-f:.]+)\]|([^:[\]]*)):)?([0-9]{1,5})$/i.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) {
    throw invalid(setting, `${JSON.stringify(text)} is no address`, 'write host:port');
  }
  return { host: ipv6 ?? (host || '127.0.0.1'), port };
}

function loopback(given: Address): Address {
  if (/^(127\.\d+\.\d+\.\d+|::1|localhost)$/.test(given.host)) return given;
  const why = `${given.host} is not this machine, and xDS is served in plain text`;
  throw invalid('xds', why, 'listen on 127.0.0.1, and forward the port where proxies are elsewhere');
}

function invalid(setting: Setting, why: string, todo: string): Failure {
  const where = `(${flag(setting)}, or ${variable(setting)})`;
  return new Failure('config-invalid', `${setting}: ${why}`, `${todo} ${where}`);
}

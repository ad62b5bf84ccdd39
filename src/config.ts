import { resolve } from 'node:path';
import { stringify } from 'yaml';
import { Failure } from './base/failure.ts';
import { type ConfigFile, type FileSettings, readConfigFile } from './config-file.ts';
import { type Environment, home } from './environment.ts';
import { Unfit } from './setting-values.ts';
import {
  type RepositoryConfig,
  repositorySettings,
  type ServerConfig,
  type SettingName,
  type StructuredConfig,
  serverSettings,
  settings,
  structuredSettings,
} from './settings.ts';

export type { RepositoryConfig, ServerConfig } from './settings.ts';

/** Flags as they were typed; each may stand in the environment (`FAIRLEAD_DATA_DIR`) or the file (`dataDir`) too. */
export type Flags = Readonly<Partial<Record<SettingName | 'config', string>>>;

export type ConfigInput = {
  readonly flags: Flags;
  readonly environment: Environment;
  /** Paths in flags and variables are relative to it. */
  readonly cwd: string;
  /** The file that `configFile` names; null where none is named. */
  readonly file: { readonly path: string; readonly text: string } | null;
};

/** `--config`, else `FAIRLEAD_CONFIG`, else none. */
export function configFile(flags: Flags, env: Environment, cwd: string): string | null {
  const path = flags.config ?? env.FAIRLEAD_CONFIG;
  return path === undefined ? null : resolve(cwd, path);
}

/** What is configured so far: null where a setting is needed and not given. */
export type PartialConfig = Partly<Omit<ServerConfig, 'repositories'>> & {
  readonly repositories: readonly PartialRepository[];
};
export type PartialRepository = Partly<RepositoryConfig>;
type Partly<Config> = { readonly [Key in keyof Config]: Config[Key] | null };

/** The configuration in force, and for each setting its text and who said it. */
export type EffectiveConfig = {
  readonly config: PartialConfig;
  /** Of the server. */
  readonly origins: readonly Origin[];
  /** What the file alone can say. */
  readonly structured: readonly StructuredOrigin[];
  /** Of each repository. `listed`: the file has a list of them. */
  readonly repositories: readonly (readonly Origin[])[];
  readonly listed: boolean;
};

const NEEDED = 'needed';

type Origin = {
  readonly setting: SettingName;
  /** As it would stand in the file; null: not set. */
  readonly text: string | null;
  /** `--poll`, `FAIRLEAD_POLL`, `file.yaml:3:7`, `default` or `needed`. */
  readonly from: string;
};

type StructuredOrigin = {
  readonly name: keyof StructuredConfig;
  /** Null: not set. */
  readonly value: object | null;
  readonly from: string;
};

/**
 * Flag, else environment, else file, else default; of a repository in a list, its entry goes before what stands beside
 * the list. Throws `Failure` `config-invalid` that names every wrong setting and where its value was given, or every mistake
 * of the file with line and column.
 */
export function effectiveConfig(input: ConfigInput): EffectiveConfig {
  const file = readConfigFile(input.file);
  const { list } = file;
  if (list !== null) refuseBoth(input, file, list);
  const server = settle(serverSettings, (name) => find(name, input, [file]));
  const { redisSentinel = null, redisCluster = null } = file.structured;
  const repositories = (list ?? [null]).map((entry) => {
    const places = entry === null ? [file] : [entry, file];
    return settle(repositorySettings, (name) => find(name, input, places));
  });
  refuseAll([server, ...repositories].flatMap(({ wrong }) => wrong));
  refuseTwo(input, file);
  return {
    config: {
      ...server.values,
      redisSentinel,
      redisCluster,
      repositories: repositories.map(({ values }) => values),
    },
    origins: server.origins,
    structured: structuredSettings.map((name) => {
      const value = file.structured[name] ?? null;
      return { name, value, from: value === null ? 'default' : file.place(name) };
    }),
    repositories: repositories.map(({ origins }) => origins),
    listed: list !== null,
  };
}

type Table = Readonly<Record<string, (typeof settings)[SettingName]>>;
type Settled<T extends Table> = {
  readonly values: {
    readonly [Name in keyof T as T[Name]['key']]: Exclude<ReturnType<T[Name]['parse']>, Unfit> | null;
  };
  readonly origins: readonly Origin[];
  readonly wrong: readonly Failure[];
};

function settle<T extends Table>(table: T, findOne: (name: SettingName) => Found): Settled<T> {
  const found = (Object.keys(table) as SettingName[]).map((name) => ({ name, ...findOne(name) }));
  const values = found.map(({ name, text, from, folder }) => {
    return { name, from, value: text === null ? null : valueOf(name, text, folder) };
  });
  return {
    // Each value was made by the parser that stands beside its key.
    values: Object.fromEntries(
      values.map(({ name, value }) => [settings[name].key, value]),
    ) as Settled<T>['values'],
    origins: found.map(({ name, text, from }) => ({ setting: name, text, from })),
    wrong: values.flatMap(({ name, from, value }) =>
      value instanceof Unfit ? [invalid(name, from, value)] : [],
    ),
  };
}

function valueOf(name: SettingName, text: string, folder: string) {
  return text === ''
    ? new Unfit('it is empty', 'give it, or leave it out')
    : settings[name].parse(text, folder);
}

/** Throws what is wrong, all of it: of entries of a list the same may be. */
function refuseAll(wrong: readonly Failure[]): void {
  const unique = new Map(wrong.map((failure) => [`${failure.message}; ${failure.fix}`, failure]));
  const [first] = unique.values();
  if (first === undefined) return;
  if (unique.size === 1) throw first;
  throw new Failure('config-invalid', [...unique.keys()].join('\n'), 'correct each of them');
}

/** What names one repository cannot stand beside a list of them, and each of the list has a name of its own. */
function refuseBoth(input: ConfigInput, file: FileSettings, list: readonly FileSettings[]): void {
  for (const name of ['name', 'repository', 'pin'] as const) {
    const { from } = find(name, input, [file]);
    if (from === NEEDED || from === 'default') continue;
    throw invalid(
      name,
      from,
      new Unfit('the file lists repositories', 'say it in an entry of `repositories`'),
    );
  }
  const seen = new Set<string>();
  for (const { values, place } of list) {
    const { name = '' } = values;
    if (seen.has(name))
      throw invalid('name', place('name'), new Unfit(`there are two ${name}`, 'give each a name of its own'));
    seen.add(name);
  }
}

/** There is one way to Redis. */
function refuseTwo(input: ConfigInput, file: ConfigFile): void {
  const given = structuredSettings.filter((name) => file.structured[name] !== undefined);
  const { text, from } = find('redis', input, [file]);
  const [one] = given;
  if (one === undefined || given.length + (text === null ? 0 : 1) < 2) return;
  const where = text === null ? file.place(one) : from;
  throw new Failure(
    'config-invalid',
    `${where}: there are several ways to Redis`,
    'say one of redis, redisSentinel, redisCluster',
  );
}

export const nothingConfigured: PartialConfig = {
  ...nothingOf(serverSettings),
  redisSentinel: null,
  redisCluster: null,
  repositories: [nothingOf(repositorySettings)],
};

function nothingOf<T extends Table>(table: T): { readonly [Name in keyof T as T[Name]['key']]: null } {
  return Object.fromEntries(Object.values(table).map(({ key }) => [key, null])) as ReturnType<
    typeof nothingOf<T>
  >;
}

/** All that is needed, or `Failure` `config-invalid` that names every setting that is missing. */
export function completeConfig({ config, origins, repositories }: EffectiveConfig): ServerConfig {
  const missing = [...repositories.flat(), ...origins].filter(({ from }) => from === NEEDED);
  refuseAll(missing.map(({ setting }) => invalid(setting, null, new Unfit('it is needed', 'give it'))));
  return config as ServerConfig;
}

/** As a configuration file that says the same, with who said what as comments. */
export function formatConfig({ origins, structured, repositories, listed }: EffectiveConfig): string {
  const own = repositories.map((one) => one.map(formatOrigin).flatMap((line) => line.split('\n')));
  const lists = own.map((lines) => lines.map((line, index) => `${index === 0 ? '  - ' : '    '}${line}\n`));
  const first = listed
    ? `repositories:\n${lists.flat().join('')}`
    : own
        .flat()
        .map((line) => `${line}\n`)
        .join('');
  const rest = [...origins.map(formatOrigin), ...structured.map(formatStructured)]
    .map((lines) => `${lines}\n`)
    .join('');
  return `apiVersion: fairlead.dev/v1alpha1\nkind: ServerConfig\n${first}${rest}`;
}

function formatOrigin({ setting, text, from }: Origin): string {
  return text === null
    ? `# ${setting}: is ${from === NEEDED ? NEEDED : 'not set'}`
    : `${stringify({ [setting]: text }).trimEnd()}  # ${from}`;
}

function formatStructured({ name, value, from }: StructuredOrigin): string {
  return value === null ? `# ${name}: is not set` : `# ${from}\n${stringify({ [name]: value }).trimEnd()}`;
}

type Found = { readonly text: string | null; readonly from: string; readonly folder: string };

/** `places` of the file, the nearest first. */
function find(
  name: SettingName,
  { flags, environment: env, cwd }: ConfigInput,
  places: readonly FileSettings[],
): Found {
  const { otherwise, shared } = settings[name];
  const flag = flags[name];
  if (flag !== undefined) return { text: flag, from: flagOf(name), folder: cwd };
  const variable = env[variableOf(name)];
  if (variable !== undefined) return { text: variable, from: variableOf(name), folder: cwd };
  const said = places.find(({ values }) => values[name] !== undefined);
  const text = said?.values[name];
  if (said !== undefined && text !== undefined) return { text, from: said.place(name), folder: said.folder };
  const common = shared === null ? undefined : env[shared];
  if (shared !== null && common) return { text: common, from: shared, folder: cwd };
  if (otherwise === undefined) return { text: null, from: NEEDED, folder: cwd };
  const standard = typeof otherwise === 'function' ? otherwise({ HOME: home(), ...env }) : otherwise;
  return { text: standard, from: 'default', folder: cwd };
}

function variableOf(name: SettingName): string {
  return `FAIRLEAD_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}`;
}

/** `--data-dir` for `dataDir`. */
export function flagOf(name: SettingName): string {
  return `--${name.replace(/[A-Z]/g, '-$&').toLowerCase()}`;
}

function invalid(name: SettingName, from: string | null, { why, fix }: Unfit): Failure {
  const file = from === null || /^(--|FAIRLEAD_)/.test(from) ? '' : `${from}: `;
  const where = `(${flagOf(name)}, ${variableOf(name)}, or ${name} in a file)`;
  return new Failure('config-invalid', `${file}${name}: ${why}`, `${fix} ${where}`);
}

import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { Failure } from './base/failure.ts';
import { formatProblem } from './base/problem.ts';
import { validateServerConfig } from './generated/schemas/index.ts';
import { readSingle } from './manifests/index.ts';
import { type Environment, type ServerConfig, type SettingName, settings, Unfit } from './settings.ts';

export type { Environment, ServerConfig } from './settings.ts';

/** The one place that reads the process' environment. */
export function environment(): Environment {
  return process.env;
}

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
export type PartialConfig = { readonly [Key in keyof ServerConfig]: ServerConfig[Key] | null };

/** The configuration in force, and for each setting its text and who said it. */
export type EffectiveConfig = { readonly config: PartialConfig; readonly origins: readonly Origin[] };

const NEEDED = 'needed';

type Origin = {
  readonly setting: SettingName;
  /** As it would stand in the file; null: not set. */
  readonly text: string | null;
  /** `--poll`, `FAIRLEAD_POLL`, `file.yaml:3:7`, `default` or `needed`. */
  readonly from: string;
};

/**
 * Flag, else environment, else file, else default. Throws `Failure` `config-invalid` that names the setting and where
 * its value was given, or every mistake of the file with line and column.
 */
export function effectiveConfig(input: ConfigInput): EffectiveConfig {
  const file = readFile(input.file);
  const names = Object.keys(settings) as readonly SettingName[];
  const found = names.map((name) => ({ name, ...find(name, input, file) }));
  const values = found.map(({ name, text, from, folder }) => {
    const value = text === null ? null : settings[name].parse(text, folder);
    if (value instanceof Unfit) throw invalid(name, from, value);
    return [settings[name].key, value] as const;
  });
  return {
    // Each value was made by the parser that stands beside its key.
    config: Object.fromEntries(values) as PartialConfig,
    origins: found.map(({ name, text, from }) => ({ setting: name, text, from })),
  };
}

export const nothingConfigured = Object.fromEntries(
  Object.values(settings).map(({ key }) => [key, null]),
) as { readonly [Key in keyof ServerConfig]: null };

/** All that is needed, or `Failure` `config-invalid` that names the first setting that is missing. */
export function completeConfig({ config, origins }: EffectiveConfig): ServerConfig {
  const missing = origins.find(({ from }) => from === NEEDED);
  if (missing !== undefined) throw invalid(missing.setting, null, new Unfit('it is needed', 'give it'));
  return config as ServerConfig;
}

/** As a configuration file that says the same, with who said what as comments. */
export function formatConfig({ origins }: EffectiveConfig): string {
  const lines = origins.map(({ setting, text, from }) => {
    return text === null
      ? `# ${setting}: is ${from === NEEDED ? NEEDED : 'not set'}`
      : `${stringify({ [setting]: text }).trimEnd()}  # ${from}`;
  });
  return `apiVersion: fairlead.dev/v1alpha1\nkind: ServerConfig\n${lines.join('\n')}\n`;
}

/** `$XDG_CACHE_HOME/fairlead`: what can be fetched again. */
export function cacheDir({ XDG_CACHE_HOME, HOME }: Environment): string {
  const given = XDG_CACHE_HOME !== undefined && isAbsolute(XDG_CACHE_HOME);
  return join(given ? XDG_CACHE_HOME : join(HOME ?? home(), '.cache'), 'fairlead');
}

/** A user that the system does not know has none: as for a daemon, it is the root then. */
function home(): string {
  try {
    return homedir();
  } catch {
    return '/';
  }
}

type FileSettings = {
  readonly folder: string;
  readonly values: Readonly<Partial<Record<SettingName, string>>>;
  readonly place: (name: SettingName) => string;
};

function readFile(file: ConfigInput['file']): FileSettings {
  if (file === null) return { folder: '', values: {}, place: () => '' };
  const read = { file: file.path, kind: 'ServerConfig', validate: validateServerConfig };
  const { value, problems, at } = readSingle(Buffer.from(file.text), read);
  if (value === null) {
    throw new Failure('config-invalid', problems.map(formatProblem).join('\n'), 'correct the file');
  }
  const place = (name: SettingName) => {
    const { line, column } = at([name]);
    return `${file.path}:${line}:${column}`;
  };
  return { folder: dirname(file.path), values: value, place };
}

type Found = { readonly text: string | null; readonly from: string; readonly folder: string };

function find(name: SettingName, { flags, environment: env, cwd }: ConfigInput, file: FileSettings): Found {
  const { otherwise } = settings[name];
  const flag = flags[name];
  if (flag !== undefined) return given(name, flag, flagOf(name), cwd);
  const variable = env[variableOf(name)];
  if (variable !== undefined) return given(name, variable, variableOf(name), cwd);
  const text = file.values[name];
  if (text !== undefined) return given(name, text, file.place(name), file.folder);
  if (otherwise === undefined) return { text: null, from: NEEDED, folder: cwd };
  const standard = typeof otherwise === 'function' ? otherwise({ HOME: home(), ...env }) : otherwise;
  return { text: standard, from: 'default', folder: cwd };
}

function given(name: SettingName, text: string, from: string, folder: string): Found {
  if (text === '') throw invalid(name, from, new Unfit('it is empty', 'give it, or leave it out'));
  return { text, from, folder };
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

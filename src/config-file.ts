import { dirname } from 'node:path';
import { Failure } from './base/failure.ts';
import { formatProblem } from './base/problem.ts';
import { validateServerConfig } from './generated/schemas/index.ts';
import { readSingle } from './manifests/index.ts';
import type { SettingName, StructuredConfig } from './settings.ts';

/** What a file says at one place: at its top, or in one entry of its list. */
export type FileSettings = {
  readonly folder: string;
  readonly values: Readonly<Partial<Record<SettingName, string>>>;
  readonly place: (name: SettingName | keyof StructuredConfig) => string;
};

export type ConfigFile = FileSettings & {
  readonly list: readonly FileSettings[] | null;
  readonly structured: { readonly [Name in keyof StructuredConfig]?: NonNullable<StructuredConfig[Name]> };
};

/** Null: none is named. Throws `Failure` `config-invalid` with every mistake of it. */
export function readConfigFile(file: { readonly path: string; readonly text: string } | null): ConfigFile {
  if (file === null) return { folder: '', values: {}, place: () => '', list: null, structured: {} };
  const read = { file: file.path, kind: 'ServerConfig', validate: validateServerConfig };
  const { value, problems, at } = readSingle(Buffer.from(file.text), read);
  if (value === null) {
    throw new Failure('config-invalid', problems.map(formatProblem).join('\n'), 'correct the file');
  }
  const folder = dirname(file.path);
  const placeIn =
    (path: readonly (string | number)[]): FileSettings['place'] =>
    (name) => {
      const { line, column } = at([...path, name]);
      return `${file.path}:${line}:${column}`;
    };
  const { apiVersion: _, kind: __, repositories, redisSentinel, redisCluster, ...values } = value;
  const structured = {
    ...(redisSentinel === undefined ? {} : { redisSentinel }),
    ...(redisCluster === undefined ? {} : { redisCluster }),
  };
  const list = repositories?.map((entry, index) => {
    return { folder, values: entry, place: placeIn(['repositories', index]) };
  });
  return { folder, values, place: placeIn([]), list: list ?? null, structured };
}

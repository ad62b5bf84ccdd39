import { readFileSync } from 'node:fs';
import { join } from 'node:path';

type Schema = {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly [word: string]: unknown;
};

/** A field of a kind's `spec`. `as`: its own fields are those of another field, where they are listed. */
type Field = { readonly path: string; readonly isHonoured: boolean; readonly as: string | null };

const folder = join(import.meta.dirname, '../../schemas');

/** The fields of a kind, by path; what several fields are made of is listed at the first and least deep of them. */
export function fieldsOf(kind: string): readonly Field[] {
  const fields: Field[] = [];
  const places = new Map<Schema, string>();
  let level: readonly (readonly [string, Schema, string])[] = [
    ['', { $ref: '#/$defs/spec' }, `${kind}.json`],
  ];
  while (level.length > 0) {
    const next: (readonly [string, Schema, string])[] = [];
    for (const [path, written, file] of level) {
      const [schema, at] = resolve(written, file);
      const [suffix, inner, within] = content(schema, at);
      const known = inner === null ? undefined : places.get(inner);
      const isHonoured = written['x-fairlead'] !== 'not-honoured';
      if (path !== '') fields.push({ path, isHonoured, as: known ?? null });
      if (inner === null || known !== undefined) continue;
      places.set(inner, path);
      for (const [name, field] of Object.entries(inner.properties ?? {})) {
        next.push([path === '' ? name : `${path}${suffix}.${name}`, field, within]);
      }
    }
    level = next;
  }
  return fields.sort((left, right) => (left.path < right.path ? -1 : 1));
}

/** What has fields of its own below a field, and how it is reached. */
function content(schema: Schema, file: string): readonly [string, Schema | null, string] {
  if (schema.properties !== undefined) return ['', schema, file];
  const { items, additionalProperties: values } = schema;
  const [suffix, inner] = items === undefined ? ['.*', values] : ['[]', items];
  if (typeof inner !== 'object') return ['', null, file];
  const [found, at] = resolve(inner, file);
  return found.properties === undefined ? ['', null, at] : [suffix, found, at];
}

const files = new Map<string, Schema>();

function resolve(schema: Schema, file: string): readonly [Schema, string] {
  if (schema.$ref === undefined) return [schema, file];
  const [name = '', pointer = ''] = schema.$ref.split('#');
  const at = name === '' ? file : name;
  const root = files.get(at) ?? (JSON.parse(readFileSync(join(folder, at), 'utf8')) as Schema);
  files.set(at, root);
  const found = pointer
    .split('/')
    .slice(1)
    .reduce((inner, word) => inner[word] as Schema, root);
  return resolve(found, at);
}

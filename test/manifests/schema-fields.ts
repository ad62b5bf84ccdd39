import { readFileSync } from 'node:fs';
import { join } from 'node:path';

type Schema = {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly [word: string]: unknown;
};

const marks = ['not-honoured', 'warned', 'later', 'elsewhere'] as const;
type Mark = (typeof marks)[number];

/** A field of a kind. `as`: its own fields are those of another field, or of another kind, where they are listed. */
type Field = {
  readonly path: string;
  /** `warned`, and `later`: a warning says what becomes of it; `elsewhere`: Kubernetes or Istio keep it for themselves. */
  readonly is: Mark | 'honoured';
  readonly as: string | null;
};

const folder = join(import.meta.dirname, '../../schemas');

/** What every manifest has, or nobody writes. */
const common = ['apiVersion', 'kind', 'metadata', 'status'];

/** The parts of a kind's manifests, or what is in the only one: `spec`. */
function partsOf(kind: string): readonly (readonly [string, Schema, string])[] {
  const file = `${kind}.json`;
  const { properties = {} } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Schema;
  const isOwn = (name: string) => !common.includes(name) || properties[name]?.$ref !== undefined;
  const names = Object.keys(properties).filter((name) => name !== 'metadata' && isOwn(name));
  const isSpecAlone = names.length === 1 && names[0] === 'spec';
  return names.map((name) => [isSpecAlone ? '' : name, properties[name] ?? {}, file]);
}

/**
 * The fields of a kind, by path, below `spec` where that is all; what several fields are made of is listed at the first and
 * least deep of them, and what another kind defines with that.
 */
export function fieldsOf(kind: string): readonly Field[] {
  const fields: Field[] = [];
  const places = new Map<Schema, string>();
  let level = partsOf(kind);
  while (level.length > 0) {
    const next: (readonly [string, Schema, string])[] = [];
    for (const [path, written, file] of level) {
      const [schema, at] = resolve(written, file);
      const [suffix, inner, within] = content(schema, at);
      const known = definedBy(written, kind) ?? (inner === null ? undefined : places.get(inner));
      const is = marks.find((mark) => mark === written['x-fairlead']) ?? 'honoured';
      if (path !== '') fields.push({ path, is, as: known ?? null });
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

/** The definition of another kind that a field refers to. */
function definedBy({ $ref = '' }: Schema, kind: string): string | undefined {
  const [, other, name] = /^(\w+)\.json#\/\$defs\/(\w+)$/.exec($ref) ?? [];
  return other === undefined || other === 'common' || other === kind ? undefined : `${other}.${name}`;
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

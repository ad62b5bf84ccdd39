import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { _, type CodeKeywordDefinition } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import standaloneCode from 'ajv/dist/standalone/index.js';
import { compile } from 'json-schema-to-typescript';

type Json = null | boolean | number | string | readonly Json[] | JsonObject;
type JsonObject = { readonly [key: string]: Json };

const source = new URL('../schemas/', import.meta.url);
const target = new URL('../src/generated/schemas/', import.meta.url);
const common = 'common.json';

/**
 * From `schemas/*.json`, one file per kind, writes into `src/generated/schemas/`: a module of types per kind,
 * `validators.js` (compiled ahead of time: nothing is evaluated at run time), its types, `fields.ts` (what
 * each schema knows, for did-you-mean), `forms.ts` (what patterns want) and `index.ts`.
 */
export async function generateSchemas(): Promise<void> {
  const names = readdirSync(source).filter((name) => name.endsWith('.json') && name !== common);
  const kinds = names.sort().map((name) => name.slice(0, -'.json'.length));
  const shared = readSchema('common');
  const schemas = kinds.map((kind) => bundle(kind, shared));
  const types = await Promise.all(kinds.map((kind, index) => typesOf(schemas[index] as JsonObject, kind)));
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const [index, kind] of kinds.entries()) write(`${kind}.ts`, types[index] ?? '');
  write('validators.js', validators(kinds, schemas));
  write('validators.d.ts', validatorTypes(kinds, schemas));
  write('fields.ts', fieldsOf(kinds, schemas));
  write('forms.ts', formsOf([shared, ...schemas]));
  write('index.ts', indexOf(kinds, schemas));
}

function write(name: string, text: string): void {
  writeFileSync(new URL(name, target), `// Generated from schemas/ by scripts/generate-schemas.ts.\n${text}`);
}

function readSchema(name: string): JsonObject {
  return JSON.parse(readFileSync(new URL(`${name}.json`, source), 'utf8')) as JsonObject;
}

/** The schema of a kind with the definitions of other files inside: of `common.json` under `common.…`, of a kind under its name. */
function bundle(kind: string, shared: JsonObject): JsonObject {
  const schema = readSchema(kind);
  const others = otherFiles(schema).filter((name) => name !== 'common');
  const files = others.map((name) => [name, readSchema(name)] as const);
  const isShared = [schema, ...files.map(([, file]) => file)].some((file) =>
    otherFiles(file).includes('common'),
  );
  const defs = [...files, ...(isShared ? [['common', shared] as const] : [])].flatMap(([name, file]) =>
    Object.entries(file.$defs as JsonObject).map(
      ([def, value]) => [`${name}.${def}`, inside(value, name)] as const,
    ),
  );
  const theirs = inside(schema, null) as JsonObject;
  return {
    ...theirs,
    $defs: { ...(schema.$defs ? (theirs.$defs as JsonObject) : {}), ...Object.fromEntries(defs) },
  };
}

/** The files that a schema refers to. */
function otherFiles(schema: JsonObject): readonly string[] {
  const refs = JSON.stringify(schema).matchAll(/"\$ref":"(\w+)\.json#/g);
  return [...new Set([...refs].map((match) => match[1] ?? ''))];
}

/** References of a file to others, and of another file (`name`) to itself, as references within one bundle. */
function inside(value: Json, name: string | null): Json {
  const own = name === null ? '' : `${name}.`;
  return mapStrings(value, '$ref', (ref) =>
    ref.startsWith('#/$defs/')
      ? ref.replace('#/$defs/', `#/$defs/${own}`)
      : ref.replace(/^(\w+)\.json#\/\$defs\//, '#/$defs/$1.'),
  );
}

function mapStrings(value: Json, key: string, change: (text: string) => string): Json {
  if (Array.isArray(value)) return value.map((item: Json) => mapStrings(item, key, change));
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value as JsonObject).map(([name, item]) => {
    return [name, name === key && typeof item === 'string' ? change(item) : mapStrings(item, key, change)];
  });
  return Object.fromEntries(entries) as JsonObject;
}

/** Reports what is known but refused. The rest of the words that start with `x-` are annotations. */
const keywords: readonly CodeKeywordDefinition[] = [
  {
    keyword: 'x-fairlead',
    schemaType: 'string',
    code: (context) => {
      if (context.schema === 'not-honoured') context.error();
    },
  },
  {
    keyword: 'x-not-honoured-values',
    schemaType: 'array',
    code: (context) => context.fail(_`${context.schemaCode}.includes(${context.data})`),
  },
];

function validators(kinds: readonly string[], schemas: readonly JsonObject[]): string {
  const ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    allowUnionTypes: true,
    code: { esm: true, source: true, lines: true },
  });
  for (const keyword of keywords) ajv.addKeyword(keyword);
  ajv.addKeyword('x-form');
  for (const schema of schemas) ajv.addSchema(schema);
  const ids = schemas.map((schema) => schema.$id as string);
  const code = standaloneCode.default(
    ajv,
    Object.fromEntries(kinds.map((kind, index) => [`validate${kind}`, ids[index] as string])),
  );
  if (code.includes('require(')) throw new Error('a schema uses a keyword that needs ajv at run time');
  return `${code.replaceAll(/vErrors\.concat\(([^()]+)\)/g, 'addTo(vErrors, $1)')}\n${addTo}`;
}

/** In place of ajv's `concat`, which copies all errors for each item of a list: a file may be nothing but errors. */
const addTo = `function addTo(all, more) {
for (const one of more) all.push(one);
return all;
}
`;

function validatorTypes(kinds: readonly string[], schemas: readonly JsonObject[]): string {
  const title = (index: number): string => schemas[index]?.title as string;
  return `${kinds.map((kind, index) => `import type { ${title(index)} } from './${kind}.ts';\n`).join('')}
/** What ajv reports. Read \`errors\` before the next call. */
export type SchemaError = {
  readonly instancePath: string;
  readonly schemaPath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Where the error is in a key rather than in a value. */
  readonly propertyName?: string;
  readonly message?: string;
};
export type Validator<T> = {
  (document: unknown): document is T;
  readonly errors?: readonly SchemaError[] | null;
};
${kinds.map((kind, index) => `export const validate${kind}: Validator<${title(index)}>;\n`).join('')}`;
}

/** What may stand where, by kind: field names as keys, what is inside them as values, `*` for items and free keys. */
function fieldsOf(kinds: readonly string[], schemas: readonly JsonObject[]): string {
  const table = Object.fromEntries(
    kinds.map((kind, index) => [kind, fieldTree(schemas[index] ?? {}, schemas[index] ?? {})]),
  );
  const marked = kinds.flatMap((kind, index) => {
    const schema = schemas[index] ?? {};
    return JSON.stringify(schema).includes('"x-fairlead":"later"') ? [[kind, marksOf(schema, schema)]] : [];
  });
  return `export type FieldTree = { readonly [field: string]: FieldTree };
export const fields: FieldTree = ${JSON.stringify(table, null, 1)};
/** Fields that are read over: not honoured yet (\`later\`), or not ours (\`elsewhere\`). */
export type Marks = { readonly [field: string]: Marks | 'later' | 'elsewhere' };
export const marks: Readonly<Record<string, Marks>> = ${JSON.stringify(Object.fromEntries(marked), null, 1)};
`;
}

/** Of a kind in which some fields are marked, those fields, like `fieldTree`; a branch without one is left out. */
function marksOf(root: JsonObject, schema: JsonObject): JsonObject {
  const { $ref, properties, items, additionalProperties } = schema;
  if (typeof $ref === 'string') {
    const defs = root.$defs as Readonly<Record<string, JsonObject>>;
    return $ref.includes('.') ? {} : marksOf(root, defs[$ref.slice('#/$defs/'.length)] ?? {});
  }
  const named = Object.entries((properties ?? {}) as Readonly<Record<string, JsonObject>>);
  const other = [items, additionalProperties].filter((inner) => inner !== null && typeof inner === 'object');
  const all = [...named, ...other.map((inner) => ['*', inner as JsonObject] as const)];
  return Object.fromEntries(
    all.flatMap(([name, inner]): readonly (readonly [string, Json])[] => {
      const mark = inner['x-fairlead'];
      if (mark === 'later' || mark === 'elsewhere') return [[name, mark]];
      const below = marksOf(root, inner);
      return Object.keys(below).length === 0 ? [] : [[name, below]];
    }),
  );
}

/** The form that is wanted, by pattern; a test holds that each has one, and the same one wherever it stands. */
function formsOf(schemas: readonly JsonObject[]): string {
  const visit = (value: Json): readonly (readonly [string, string])[] => {
    if (value === null || typeof value !== 'object') return [];
    const inner = Object.values(value).flatMap((each) => visit(each as Json));
    const { pattern, 'x-form': form } = value as JsonObject;
    return typeof pattern === 'string' && typeof form === 'string' ? [[pattern, form], ...inner] : inner;
  };
  const forms = Object.fromEntries(schemas.flatMap(visit));
  return `export const forms: Readonly<Record<string, string>> = ${JSON.stringify(forms, null, 1)};
`;
}

/** `within`: definitions that this one stands in. One that has itself inside is followed once more, for its names. */
function fieldTree(root: JsonObject, schema: JsonObject, within: readonly string[] = []): JsonObject {
  const { $ref, properties, items, additionalProperties } = schema;
  if (typeof $ref === 'string') {
    if (within.indexOf($ref) !== within.lastIndexOf($ref)) return {};
    const defs = root.$defs as Readonly<Record<string, JsonObject>>;
    return fieldTree(root, defs[$ref.slice('#/$defs/'.length)] ?? {}, [...within, $ref]);
  }
  const named = Object.entries((properties ?? {}) as Readonly<Record<string, JsonObject>>);
  const other = [items, additionalProperties].filter((inner) => inner !== null && typeof inner === 'object');
  return Object.fromEntries([
    ...named.map(([name, inner]) => [name, fieldTree(root, inner, within)] as const),
    ...other.map((inner) => ['*', fieldTree(root, inner as JsonObject, within)] as const),
  ]);
}

function indexOf(kinds: readonly string[], schemas: readonly JsonObject[]): string {
  const seen = new Set<string>();
  const types = kinds.map((kind, index) => {
    const names = titles(schemas[index] as JsonObject).filter((name) => !seen.has(name));
    for (const name of names) seen.add(name);
    return `export type { ${names.join(', ')} } from './${kind}.ts';\n`;
  });
  const values = kinds.map((kind) => `validate${kind}`).join(', ');
  return `${types.join('')}export { type FieldTree, fields, type Marks, marks } from './fields.ts';
export { forms } from './forms.ts';
export type { SchemaError, Validator } from './validators.js';
export { ${values} } from './validators.js';
`;
}

/** Names of the kind's own types, and those of other files that these are made of. */
function titles(schema: JsonObject): readonly string[] {
  const all = Object.entries(schema.$defs as JsonObject);
  const own = all.filter(([name]) => !name.includes('.'));
  const named = new Set(JSON.stringify(own).match(/(?<=#\/\$defs\/)\w+\.\w+/g));
  const inner = [...own, ...all.filter(([name]) => named.has(name))].flatMap(([, item]) =>
    [...JSON.stringify(item).matchAll(/"title":"(\w+)"/g)].map((match) => match[1] ?? ''),
  );
  return [schema.title as string, ...new Set(inner)].sort();
}

async function typesOf(schema: JsonObject, kind: string): Promise<string> {
  const text = await compile(inlined(honoured(schema) as JsonObject) as object, kind, {
    additionalProperties: false,
    bannerComment: '',
    ignoreMinAndMaxItems: true,
    unreachableDefinitions: false,
    format: false,
  });
  return readonly(text);
}

/** Without what is refused or kept elsewhere, but with what is `warned` of: the types hold what the next room may read. */
function honoured(value: Json): Json {
  if (Array.isArray(value)) return value.map(honoured);
  if (value === null || typeof value !== 'object') return value;
  const schema = value as JsonObject;
  const refused = schema['x-not-honoured-values'] as readonly Json[] | undefined;
  const entries = Object.entries(schema).filter(([, item]) => !isMarked(item));
  const kept = Object.fromEntries(entries.map(([name, item]) => [name, honoured(item)])) as JsonObject;
  if (refused === undefined) return kept;
  return { ...kept, enum: (schema.enum as readonly Json[]).filter((item) => !refused.includes(item)) };
}

/** Definitions without a title are texts, numbers and lists: they read better in place than as an alias. */
function inlined(schema: JsonObject): Json {
  const defs = schema.$defs as Readonly<Record<string, JsonObject>>;
  const visit = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(visit);
    if (value === null || typeof value !== 'object') return value;
    const { $ref, ...rest } = value as JsonObject;
    const found = typeof $ref === 'string' ? defs[$ref.slice('#/$defs/'.length)] : undefined;
    if (found !== undefined && found.title === undefined) return visit({ ...found, ...rest });
    const entries = Object.entries(value as JsonObject).map(([name, item]) => [name, visit(item)] as const);
    return Object.fromEntries(entries);
  };
  return visit(schema);
}

function isMarked(value: Json): boolean {
  if (value === null || typeof value !== 'object') return false;
  const mark = (value as JsonObject)['x-fairlead'];
  return mark !== undefined && mark !== 'warned';
}

/** json-schema-to-typescript has no option for it. */
function readonly(types: string): string {
  return types
    .replace(/^export interface (\w+) \{$/gm, 'export type $1 = {')
    .replace(/^( *)(\[k: string\]|[\w$]+\??|"[^"]+"\??): /gm, '$1readonly $2: ')
    .replace(/(\w+|\([^()]*\))\[\]/g, 'readonly $1[]');
}

if (import.meta.main) await generateSchemas();

/** A JSON Schema (2020-12), as far as routes say it. */
export type Schema = Readonly<Record<string, unknown>>;

export const text: Schema = { type: 'string' };
export const count: Schema = { type: 'integer', minimum: 0 };
export const flag: Schema = { type: 'boolean' };
/** Milliseconds since the Unix epoch. */
export const time: Schema = { type: 'number', description: 'Milliseconds since the Unix epoch.' };
export const duration: Schema = { type: 'number', description: 'Milliseconds.' };
export const commit: Schema = { type: 'string', description: 'A commit of the main line, in hex.' };

export function said(description: string, schema: Schema = text): Schema {
  return { ...schema, description };
}

export function oneOf(...words: readonly string[]): Schema {
  return { type: 'string', enum: words };
}

export function word(maxLength: number): Schema {
  return { type: 'string', minLength: 1, maxLength };
}

/** Texts by their names: parts of a path. */
export function named(...names: readonly string[]): Schema {
  return { type: 'object', properties: Object.fromEntries(names.map((name) => [name, text])) };
}

export function list(items: Schema): Schema {
  return { type: 'array', items };
}

/** A component by its `$id`. */
export function ref(id: string): Schema {
  return { $ref: `${id}#` };
}

export function orNull(schema: Schema): Schema {
  const { type, description, ...rest } = schema;
  if (typeof type !== 'string' || 'enum' in rest) return { anyOf: [schema, { type: 'null' }] };
  return { type: [type, 'null'], ...(description === undefined ? {} : { description }), ...rest };
}

/** Each property is there, but `may`. A later version may have more. */
export function record(properties: Readonly<Record<string, Schema>>, may: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !may.includes(name));
  return { type: 'object', required, properties };
}

export function component($id: string, description: string, schema: Schema): Schema {
  return { $id, description, ...schema };
}

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { expect } from 'vitest';

/** The OpenAPI document, as far as tests read it. */
type Content = Readonly<Record<string, { readonly schema: object }>>;
type Operation = {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: Content }>>;
};
export type Document = {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
};

/** Every object is as the schema has it and nothing more: a field that nobody has described is found. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const all = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  return 'properties' in all && 'required' in all ? { ...all, additionalProperties: false } : all;
}

/** What a route answers with a status, held to its schema. */
export function checker(document: Document, path: string, method: string, status: number): ValidateFunction {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  const named = (schema: unknown) =>
    JSON.parse(JSON.stringify(closed(schema)).replaceAll('"#/components/schemas/', '"'));
  for (const [$id, schema] of Object.entries(document.components.schemas))
    ajv.addSchema({ $id, ...named(schema) });
  const response = document.paths[path]?.[method]?.responses[status];
  const schema = response?.content['application/json']?.schema;
  if (schema === undefined) return expect.fail(`${method} ${path} says nothing of ${status}`);
  return ajv.compile(named(schema));
}

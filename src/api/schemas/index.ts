/** JSON Schemas of what the API answers: the OpenAPI document is made of them, and tests hold real answers to them. */
import { governance } from './governance.ts';
import { error } from './operation.ts';
import { proxies } from './proxies.ts';
import { status } from './status.ts';

export { answerOf, json, operation, pageOf } from './operation.ts';
export { suspension } from './status.ts';
export { commit, count, flag, list, named, orNull, ref, type Schema, said, text, word } from './words.ts';

/** By their `$id`, which a route names. */
export const components = [error, ...governance, ...status, ...proxies];

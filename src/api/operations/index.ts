import { governance } from './governance.ts';
import { health } from './health.ts';
import { hooks } from './hooks.ts';
import { operator } from './operator.ts';
import { proxies } from './proxies.ts';
import { status } from './status.ts';

/** What each route asks and answers, by what it is about: the tags of the OpenAPI document. */
export const operations = { ...health, ...status, ...governance, ...proxies, ...hooks, ...operator } as const;

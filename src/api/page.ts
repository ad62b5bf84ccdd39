import { must } from '../base/must.ts';

export type Page<T> = { readonly items: readonly T[]; readonly total: number; readonly next: string | null };

const DEFAULT_LIMIT = 200;
const MAX_LIMIT = 1_000;

/** JSON Schema of the query of every list. */
export const PAGE_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    limit: { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT },
    after: { type: 'string', maxLength: 1_000, default: '' },
  },
} as const;

export type PageQuery = { readonly limit: number; readonly after: string };

/**
 * The items whose key stands after `after`; `items` are in key order, and `next` is the following page's `after`. Of a key
 * that several have (a name that is used again, or in two repositories) all are on one page, be it larger than asked for.
 */
export function page<T>(items: readonly T[], key: (item: T) => string, { limit, after }: PageQuery): Page<T> {
  const rest = after === '' ? items : items.filter((item) => key(item) > after);
  const keyAt = (at: number) => key(must(rest[at]));
  let end = Math.min(limit, rest.length);
  while (end > 0 && end < rest.length && keyAt(end) === keyAt(end - 1)) end += 1;
  const next = end > 0 && end < rest.length ? keyAt(end - 1) : null;
  return { items: rest.slice(0, end), total: items.length, next };
}

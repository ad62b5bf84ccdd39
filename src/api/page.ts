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

/** The items whose key stands after `after`; `items` are in key order, and `next` is the following page's `after`. */
export function page<T>(items: readonly T[], key: (item: T) => string, { limit, after }: PageQuery): Page<T> {
  const rest = after === '' ? items : items.filter((item) => key(item) > after);
  const shown = rest.slice(0, limit);
  const last = shown.at(-1);
  const next = rest.length > limit && last !== undefined ? key(last) : null;
  return { items: shown, total: items.length, next };
}

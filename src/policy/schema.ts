import { visible } from './data.ts';

/** The first mistake that a schema finds, in one line; governance files are small, and one fix at a time is enough. */
export function schemaMistake(
  errors:
    | readonly {
        readonly instancePath: string;
        readonly message?: string | undefined;
        readonly params?: unknown;
      }[]
    | null
    | undefined,
): string {
  const [first] = errors ?? [];
  if (first === undefined) return 'does not match its schema';
  const extra = (first.params as { additionalProperty?: unknown } | undefined)?.additionalProperty;
  const name = typeof extra === 'string' ? ` (${visible(extra)})` : '';
  const place = first.instancePath === '' ? '/' : first.instancePath;
  return `${place} ${first.message ?? 'is wrong'}${name}`;
}

import type { Origin } from '../mesh/index.ts';
import { originBehind, type Snapshot } from '../translate/index.ts';

/** A part of a resource that a proxy should have: `pointer` (RFC 6901) into its JSON. */
export type PartAsked = {
  readonly typeUrl: string;
  readonly name: string;
  /** Of the resource: of another one the pointer says nothing. */
  readonly version: string;
  readonly pointer: string;
};

/** Where the rule behind a part is written; null where it was made of none, or the snapshot has no such part. */
export function partOrigin(snapshot: Snapshot, asked: PartAsked): Origin | null {
  const all = [...snapshot.resources.values()].flatMap((byName) => byName.get(asked.name) ?? []);
  const resource = all.find(({ typeUrl, version }) => typeUrl === asked.typeUrl && version === asked.version);
  const part = asked.pointer.split('/').slice(1).reduce<unknown>(step, resource?.json);
  return typeof part === 'object' && part !== null ? originBehind(part) : null;
}

function step(value: unknown, token: string): unknown {
  const name = token.replaceAll('~1', '/').replaceAll('~0', '~');
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

import type { Decision } from '../../mesh/index.ts';
import { readDocument } from '../server-client.ts';
import { placeOf } from './find.ts';
import { at, isFields, listAt, type Place, TYPE_URLS, textAt } from './resource.ts';
import type { Step } from './trace.ts';

/** Who decided what a server serves of these scopes, by dotted path. */
export async function serverEvidence(
  server: string,
  scopes: readonly string[],
): Promise<readonly Decision[]> {
  if (scopes.length === 0) return [];
  const query = scopes.map((scope) => `scope=${encodeURIComponent(scope)}`).join('&');
  const items = listAt(await readDocument(server, `api/v1/decisions?${query}`), 'items');
  return items.map((item) => {
    const text = (field: string) => textAt(item, field) ?? '';
    const signers = at(item, 'signers');
    return {
      ...{ uid: text('uid'), scope: text('scope'), commit: text('commit'), seq: Number(at(item, 'seq')) },
      signers: Array.isArray(signers) ? signers.map(String) : [],
    };
  });
}

/** Where a server says that the rule behind a step is written; null where it does not know, or has something newer by now. */
export async function serverOrigin(server: string, proxy: string, step: Step): Promise<Place | null> {
  const { resource, rule } = step;
  const pointer = rule === null ? null : pointerTo(resource.resource, rule);
  if (pointer === null) return null;
  const { kind, name, version } = resource;
  const query = new URLSearchParams({ typeUrl: TYPE_URLS[kind], name, version, pointer });
  const path = `api/v1/proxies/${encodeURIComponent(proxy)}/origin?${query}`;
  const origin = at(await readDocument(server, path), 'origin');
  return isFields(origin) ? placeOf(origin) : null;
}

/** JSON pointer (RFC 6901) to the very object `part`. */
function pointerTo(value: unknown, part: unknown): string | null {
  if (value === part) return '';
  if (typeof value !== 'object' || value === null) return null;
  for (const [name, inner] of Object.entries(value)) {
    const rest = pointerTo(inner, part);
    if (rest !== null) return `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}${rest}`;
  }
  return null;
}

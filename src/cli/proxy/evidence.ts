import { byCodeUnit } from '../../base/order.ts';
import type { Evidence } from '../offline/source.ts';
import { readDocument } from '../server-client.ts';
import { at, listAt, textAt } from './resource.ts';

/** Who decided what these scopes serve, by dotted path, as a server's lineage says it. */
export async function serverEvidence(
  server: string,
  scopes: readonly string[],
): Promise<readonly Evidence[]> {
  return Promise.all(scopes.map((scope) => readEvidence(server, scope)));
}

async function readEvidence(server: string, scope: string): Promise<Evidence> {
  const lineage = await readDocument(server, `api/v1/lineage?scope=${encodeURIComponent(scope)}`);
  const accepted = listAt(lineage, 'entries').filter(
    ({ event }) => event === 'genesis' || event === 'accepted',
  );
  const last = accepted.at(-1);
  const signers = [...new Set(listAt(last, 'votes').flatMap((vote) => textAt(vote, 'anchor') ?? []))].sort(
    byCodeUnit,
  );
  return {
    ...{ scope, uid: textAt(lineage, 'uid') ?? '', signers },
    seq: Number(at(last, 'seq') ?? 0),
    commit: textAt(last, 'commit') ?? '',
  };
}

import { BLACK_HOLE, PASSTHROUGH } from './names.ts';
import type { Skipped } from './types.ts';
import type { View } from './view.ts';

/** That a Sidecar sends what nobody defines through a service that the proxy does not see: it goes nowhere. */
export function withoutWay({ limits: { through, unknown, origins }, elsewhere }: View): readonly Skipped[] {
  if (through === null || unknown === 'refuse' || elsewhere !== BLACK_HOLE) return [];
  const { host, subset, port } = through;
  const place = [host, subset ?? '', port ?? ''].filter((part) => part !== '').join(' ');
  const sources = origins.map(({ scope, uid, file, line, column }) => ({ scope, uid, file, line, column }));
  return [{ address: PASSTHROUGH, reason: `the proxy sees no ${place}, its egressProxy`, sources }];
}

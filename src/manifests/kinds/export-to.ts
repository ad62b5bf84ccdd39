import type { Finding } from '../finding.ts';

/** Rules are exported to everybody so far: only what says just that is honoured. */
export function* checkExportTo(exportTo: readonly string[] = []): Generator<Finding> {
  for (const [index, namespace] of exportTo.entries()) {
    if (namespace === '*') continue;
    const message = `Fairlead knows exportTo ${namespace}, but does not honour it for rules yet`;
    yield { code: 'FL2104', message, path: ['spec', 'exportTo', index] };
  }
}

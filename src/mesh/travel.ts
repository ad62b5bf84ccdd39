import type { LocalityLbSetting } from '../manifests/index.ts';
import type { Travel } from './policy-types.ts';

/** How far requests go, as a rule says it. */
export function readTravel({
  enabled = true,
  distribute = [],
  failover = [],
  failoverPriority = [],
}: LocalityLbSetting): Travel {
  if (!enabled) return { how: 'anywhere' };
  if (distribute.length > 0) {
    const shares = distribute.map(({ from, to }) => ({
      from,
      to: Object.entries(to).map(([locality, percent]) => ({ locality, percent })),
    }));
    return { how: 'shares', shares };
  }
  if (failoverPriority.length > 0) return { how: 'alike', labels: failoverPriority.map(readLabel) };
  return { how: 'nearest', regions: failover };
}

/** `label`: as the client has it; `label=value`: that value. */
function readLabel(text: string): { readonly name: string; readonly value: string | null } {
  const [name = '', ...value] = text.split('=');
  return { name, value: value.length === 0 ? null : value.join('=') };
}

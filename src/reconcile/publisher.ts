import { createHash } from 'node:crypto';
import { byCodeUnit } from '../base/order.ts';
import type { XdsServer } from '../xds/index.ts';

/** What one repository sees of distribution. */
export type Distribution = Pick<XdsServer, 'proxies' | 'onAck'> & {
  /** Its scopes at this tip are among what is served. */
  publish(tip: string): void;
  /** The number of the push that had its last tip; null: it waits for the first of another repository. */
  pushed(): number | null;
  /** When the last connected proxy had acknowledged a push, by the steady clock; null where one has not, or none is connected. */
  ackedSteadyMs(push: number): number | null;
};

/**
 * Several repositories are one mesh, which proxies hear of as one. Nothing is pushed before each of them has something
 * to serve: what a proxy still has of one, from before a restart, must not be taken away.
 */
export function createPublisher(
  repositories: readonly string[],
  xds: Pick<XdsServer, 'publish' | 'proxies' | 'ackedSteadyMs' | 'onAck'>,
): (repository: string) => Distribution {
  const tips = new Map<string, string>();
  const pushes = new Map<string, number>();
  const isWhole = () => repositories.every((name) => tips.has(name));
  return (repository) => ({
    publish(tip) {
      const waiting = isWhole() ? [repository] : repositories;
      tips.set(repository, tip);
      if (!isWhole()) return;
      const push = xds.publish(revisionOf(tips));
      for (const name of waiting) pushes.set(name, push);
    },
    pushed: () => pushes.get(repository) ?? null,
    ackedSteadyMs: (push) => xds.ackedSteadyMs(push),
    proxies: () => xds.proxies(),
    onAck: (listener) => xds.onAck(listener),
  });
}

/** The tip of a single repository; of several, a digest of their names and tips, so that all replicas say the same. */
function revisionOf(tips: ReadonlyMap<string, string>): string {
  const [only = ''] = tips.values();
  if (tips.size <= 1) return only;
  const lines = [...tips].map(([name, tip]) => `${name} ${tip}\n`).toSorted(byCodeUnit);
  return createHash('sha256').update(lines.join('')).digest('hex').slice(0, only.length);
}

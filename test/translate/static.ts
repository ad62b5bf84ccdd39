import { type Snapshot, staticBootstrap } from '../../src/translate/index.ts';

export { staticBootstrap };

type Fields = { readonly [key: string]: unknown };

/**
 * The same with the listeners of captured traffic bound where it would have gone: whoever connects to an address of the
 * loopback is as good as captured there.
 */
export function boundBootstrap(snapshot: Snapshot): object {
  const { static_resources: resources, ...rest } = staticBootstrap(snapshot);
  const listeners = resources.listeners
    .filter((listener) => !String((listener as Fields).name).startsWith('virtual'))
    .map((listener) => ({ ...(listener as Fields), bind_to_port: true }));
  return { ...rest, static_resources: { ...resources, listeners } };
}

import type { PartialConfig } from '../../config.ts';
import type { Context, RedisFinding } from '../context.ts';
import { type Check, type Found, ok } from './check.ts';

/** Every check of one run is told by one look. */
const looks = new WeakMap<PartialConfig, Promise<readonly RedisFinding[]>>();

function look({ inspectRedis }: Context, config: PartialConfig): Promise<readonly RedisFinding[]> {
  const { redisPrefix } = config;
  const found = looks.get(config) ?? (redisPrefix === null ? null : inspectRedis({ ...config, redisPrefix }));
  if (found === null) return Promise.resolve([]);
  looks.set(config, found);
  return found;
}

/** The way to it, its version, what it does when it is full, and what its user may do. */
const names = ['redis', 'redis-version', 'redis-memory', 'redis-rights'] as const;

export const redis: readonly Check[] = names.map((name) => ({
  name,
  needsConfig: true,
  async run(context, config): Promise<Found | null> {
    const findings = await look(context, config);
    const found = findings.find(({ check }) => check === name);
    if (found !== undefined) return { state: found.state, message: found.message, fix: found.fix };
    return name === 'redis' ? ok('none is configured: one process does all by itself') : null;
  },
}));

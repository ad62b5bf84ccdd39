/** What the files of a `RedisConfig` hold. */
export type RedisSecrets = {
  readonly password: string | null;
  readonly sentinelPassword: string | null;
  readonly ca: string | null;
};

/** Secrets whose files may say something else some day. */
export interface RotatingSecrets {
  /** As they were read last. */
  now(): RedisSecrets;
  /** Reads them again; as they were where that fails: what is wrong then, Redis says. */
  reread(): Promise<RedisSecrets>;
}

const RETRY_MS = { first: 100, max: 2_000 };

/** Rejects as `read` does, the first time only. */
export async function rotatingSecrets(read: () => Promise<RedisSecrets>): Promise<RotatingSecrets> {
  let known = await read();
  return {
    now: () => known,
    async reread() {
      known = await read().catch(() => known);
      return known;
    },
  };
}

export function retryMs(times: number): number {
  return Math.min(RETRY_MS.first * 2 ** Math.min(times, 10), RETRY_MS.max);
}

/**
 * How long ioredis waits before it connects again; meanwhile the files are read, so that it does so with what they say.
 * It calls this as a method of the options of that one connection, and BullMQ's copies have options of their own. Should
 * reading take longer than that, the connection after the next has it.
 */
export function renewing(secrets: RotatingSecrets, own: (secrets: RedisSecrets) => object) {
  return function (this: unknown, times: number): number {
    if (typeof this === 'object' && this !== null) {
      Object.assign(this, own(secrets.now()));
      void secrets.reread().then((now) => Object.assign(this, own(now)));
    }
    return retryMs(times);
  };
}

import { Failure } from '../../base/failure.ts';
import { type Clock, withTimeout } from '../clock.ts';
import { NO_DATABASE, type RedisClient } from './connection.ts';

/** Whether Redis does what the queue needs of it, asked again and again. */
export interface RedisHealth {
  /** Null: it does. */
  failure(): Failure | null;
  close(): void;
}

export type HealthOptions = {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly clock: Clock;
  /** Hears of each change, and at first of what was found. */
  readonly onChange: (failure: Failure | null) => void;
  /** From one answer to the next question; default 1 s. */
  readonly everyMs?: number;
  /** What takes longer is no answer; default 1 s. */
  readonly timeoutMs?: number;
};

/** After so many questions without an answer the connection is made anew: its other end may be gone. */
const SILENT = 5;
const OLDEST = [6, 2] as const;

export function watchRedis(options: HealthOptions): RedisHealth {
  return new Health(options);
}

class Health implements RedisHealth {
  readonly #options: HealthOptions;
  #failure: Failure | null = new Failure('redis-unreachable', 'Redis has not answered yet', 'wait');
  #asked = false;
  #silent = 0;
  /** What the connection said last; a server that refuses a password says it there only. */
  #said: Error | null = null;
  #cancel = () => {};
  #closed = false;

  constructor(options: HealthOptions) {
    this.#options = options;
    options.client.on('error', (error: Error) => {
      this.#said = error;
    });
    options.client.on('ready', () => this.#askNow());
    void this.#ask();
  }

  failure(): Failure | null {
    return this.#failure;
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  #askNow(): void {
    this.#cancel();
    if (!this.#closed) this.#cancel = this.#options.clock.after(0, () => void this.#ask());
  }

  async #ask(): Promise<void> {
    const failure = await this.#look();
    if (this.#closed) return;
    const changed = !this.#asked || failure?.code !== this.#failure?.code;
    this.#failure = failure;
    this.#asked = true;
    if (changed) this.#options.onChange(failure);
    this.#cancel();
    this.#cancel = this.#options.clock.after(this.#options.everyMs ?? 1_000, () => void this.#ask());
  }

  async #look(): Promise<Failure | null> {
    const { client, clock, timeoutMs = 1_000 } = this.#options;
    try {
      if (client.status !== 'ready') throw this.#said ?? new Error('there is no connection');
      const late = () =>
        new Failure(
          'redis-slow',
          `Redis did not answer in ${timeoutMs} ms`,
          'look at its load and the network',
        );
      checkServer(await withTimeout(clock, timeoutMs, () => this.#answer(), late));
      this.#silent = 0;
      return null;
    } catch (error) {
      const failure = redisFailure(error);
      this.#silent = failure.code === 'redis-slow' ? this.#silent + 1 : 0;
      if (this.#silent % SILENT === SILENT - 1) client.disconnect(true);
      return failure;
    }
  }

  /** Can it be written to? What is it? */
  async #answer(): Promise<string> {
    const { client, prefix } = this.#options;
    await client.set(`${prefix}:probe`, '1', 'PX', 60_000);
    return client.info();
  }
}

/** Throws Failure redis-too-old or redis-eviction. `info`: what INFO answers. */
export function checkServer(info: string): void {
  checkVersion(info);
  checkEviction(info);
}

export function checkVersion(info: string): void {
  const version = versionOf(info);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  const fix = `use Redis ${OLDEST.join('.')} or newer, or Valkey`;
  throw new Failure('redis-too-old', `Redis is ${version}`, fix);
}

export function checkEviction(info: string): void {
  const policy = fieldOf(info, 'maxmemory_policy') ?? 'noeviction';
  if (policy === 'noeviction') return;
  const message = `maxmemory-policy is ${policy}: Redis would drop keys of the queue when its memory is full`;
  throw new Failure('redis-eviction', message, 'set maxmemory-policy noeviction, or use a Redis of its own');
}

/** Of Valkey its own, not that of the Redis that it stands for. */
export function versionOf(info: string): string {
  return fieldOf(info, 'valkey_version') ?? fieldOf(info, 'redis_version') ?? '0.0';
}

export function fieldOf(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
}

const KNOWN: readonly (readonly [RegExp, string, string])[] = [
  [/^OOM/, 'redis-full', 'raise its maxmemory, or remove what others keep there'],
  [
    /^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH|ERR invalid password)/,
    'redis-refused',
    'check its user, password and rules',
  ],
  [NO_DATABASE, 'redis-refused', 'name a database that it has; a Cluster has one alone'],
  [/^READONLY/, 'redis-unwritable', 'it is a replica: name the one that leads, or redisSentinel'],
  [/^(MISCONF|LOADING|CLUSTERDOWN|MASTERDOWN|TRYAGAIN)/, 'redis-unwritable', 'wait, or look at its log'],
];

/** What is wrong with Redis, in the words of an operator. */
export function redisFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  // A Cluster that answers nobody: why not, its last node said.
  if (error instanceof Error && 'lastNodeError' in error && error.lastNodeError instanceof Error)
    return redisFailure(error.lastNodeError);
  const said =
    error instanceof Error ? error.message || String((error as { code?: unknown }).code) : String(error);
  const [, code, fix] = KNOWN.find(([pattern]) => pattern.test(said)) ?? [
    null,
    'redis-unreachable',
    'check that it runs and what the network says',
  ];
  return new Failure(code, `Redis: ${said}`, fix, { cause: error });
}

import type { RedisClient } from './connection.ts';

/**
 * What the scripts of BullMQ and the bulletin ask of Redis, each of a key of one kind; a kind's first command makes it.
 * `test/reconcile/redis/inspect.test.ts` compares this with what a real queue asks.
 */
export const PROBES: Readonly<Record<string, readonly (readonly [command: string, ...rest: string[]])[]>> = {
  string: [
    ['set', '1', 'PX', '60000'],
    ['get'],
    ['getrange', '0', '1'],
    ['incr'],
    ['exists'],
    ['pexpire', '60000'],
    ['pttl'],
    ['persist'],
  ],
  hash: [
    ['hset', 'a', '1'],
    ['hmset', 'b', '1'],
    ['hget', 'a'],
    ['hmget', 'a'],
    ['hgetall'],
    ['hincrby', 'a', '1'],
    ['hdel', 'b'],
  ],
  list: [
    ['lpush', 'a'],
    ['rpush', 'a'],
    ['llen'],
    ['lindex', '0'],
    ['lrange', '0', '-1'],
    ['lpos', 'a'],
    ['lrem', '1', 'a'],
    ['ltrim', '0', '-1'],
  ],
  set: [['sadd', 'a'], ['smembers'], ['scard'], ['srem', 'b']],
  zset: [
    ['zadd', '1', 'a'],
    ['zscore', 'a'],
    ['zcard'],
    ['zrange', '0', '-1'],
    ['zrangebyscore', '0', '1'],
    ['zrevrangebyscore', '1', '0'],
    ['zrem', 'b'],
    ['zpopmin'],
  ],
  stream: [
    ['xadd', '*', 'a', '1'],
    ['xtrim', 'MAXLEN', '1'],
  ],
};

/** Each on its own, so that one that is refused leaves the rest; what it made is removed. */
const SCRIPT = `
local errors = {}
local function try(command, ...)
  local answer = redis.pcall(command, ...)
  if type(answer) == 'table' and answer.err then errors[#errors + 1] = command .. ': ' .. answer.err end
end
for index, key in ipairs(KEYS) do
  for _, probe in ipairs(cjson.decode(ARGV[index])) do
    local command = table.remove(probe, 1)
    try(command, key, unpack(probe))
  end
  try('del', key)
end
try('rpoplpush', KEYS[1], KEYS[1])
try('time')
return errors`;

/** In Redis' words, what the user may not do of what is needed; empty where all is well. */
export async function denied(client: RedisClient, prefix: string): Promise<readonly string[]> {
  const keys = Object.keys(PROBES).map((kind) => `${prefix}:probe:${kind}`);
  const probes = Object.values(PROBES).map((each) => JSON.stringify(each));
  const [zset, channel] = [`${prefix}:probe:none`, `${prefix}:announce`];
  const asked: readonly (() => Promise<unknown>)[] = [
    () => client.bzpopmin(zset, 0.01),
    () => client.publish(channel, ''),
    () => client.subscribe(channel),
  ];
  const errors: string[] = [];
  const note = (error: unknown) => void errors.push(error instanceof Error ? error.message : String(error));
  const said = await client.eval(SCRIPT, keys.length, ...keys, ...probes).catch(note);
  if (Array.isArray(said)) errors.push(...said.map(String));
  for (const ask of asked) await ask().catch(note);
  return errors;
}

import type { RedisClient } from './connection.ts';

/** What a replica followed: the port by which replicas may say more of it. */
export type Followed = { readonly repository: string; readonly tip: string };

/** What replicas tell each other: that there is something to look for. What it is each derives from git itself. */
export interface News {
  tell(news: Followed): void;
  close(): void;
}

/** `ear` is for this alone. `onNews` hears what others told. What is told while Redis is away is lost, and found by looking. */
export function openNews(
  { client, ear }: { readonly client: RedisClient; readonly ear: RedisClient },
  prefix: string,
  onNews: (news: Followed) => void,
): News {
  const channel = `${prefix}:announce`;
  ear.on('error', () => {}); // The client has the same, and says it.
  ear.on('message', (_channel: string, text: string) => {
    const news = read(text);
    if (news !== null) onNews(news);
  });
  ear.subscribe(channel).catch(() => {}); // ioredis subscribes again whenever it connects.
  return {
    tell(news) {
      client.publish(channel, JSON.stringify(news)).catch(() => {});
    },
    close() {
      ear.disconnect();
    },
  };
}

/** Others who use this Redis may say anything: it is only a hint to look. */
function read(text: string): Followed | null {
  try {
    const { repository, tip } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return typeof repository === 'string' && typeof tip === 'string' ? { repository, tip } : null;
  } catch {
    return null;
  }
}

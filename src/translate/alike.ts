import type { Proxy as Client, Snapshot } from './types.ts';

type Labels = Client['labels'];

/** A proxy whose labels note in `asked` which of them are looked at, whether it has them or not. */
export type Watched = { readonly proxy: Client; readonly asked: Set<string> };

/** A snapshot, and for whom it was made. */
export type Heard = Watched & { readonly snapshot: Snapshot };

type Kept = Watched & { readonly like: string; readonly snapshot: WeakRef<Snapshot> };

export function watched(proxy: Client): Watched {
  const asked = new Set<string>();
  const note = (name: string | symbol) => {
    if (typeof name === 'string') asked.add(name);
  };
  const labels = new Proxy(proxy.labels, {
    get(all, name) {
      note(name);
      return Reflect.get(all, name);
    },
    has(all, name) {
      note(name);
      return Reflect.has(all, name);
    },
    ownKeys: askedForAll,
    getOwnPropertyDescriptor: askedForAll,
  });
  return { proxy: { ...proxy, labels }, asked };
}

/** A bug: no two pods would hear the same. */
function askedForAll(): never {
  throw new Error('labels of a proxy are asked for by name');
}

/** Whether two proxies have in common what was asked of one of them. */
export function isAlike({ proxy, asked }: Watched, { labels }: Client): boolean {
  return [...asked].every((name) => proxy.labels[name] === labels[name]);
}

/**
 * Snapshots by all that was looked at of the proxies that they were made for: labels that nobody asks for (those of Jobs and
 * StatefulSets are another for each pod) tell no two apart. Kept only as long as somebody else has them.
 */
export class AlikeSnapshots {
  /** Labels that told anything of any proxy. */
  readonly #asked = new Set<string>();
  #kept = new Map<string, Kept>();
  /** At how many the dead are looked for. */
  #most = 64;

  get size(): number {
    return this.#kept.size;
  }

  /** `like`: all that may tell the proxy apart but its labels. */
  get(like: string, { labels }: Client): Heard | null {
    const kept = this.#kept.get(this.#key(like, labels));
    const snapshot = kept?.snapshot.deref();
    return kept === undefined || snapshot === undefined ? null : { ...kept, snapshot };
  }

  set(like: string, { proxy, asked, snapshot }: Heard): void {
    const before = this.#asked.size;
    for (const name of asked) this.#asked.add(name);
    if (this.#asked.size > before || this.#kept.size >= this.#most) this.#sort();
    this.#kept.set(this.#key(like, proxy.labels), { like, proxy, asked, snapshot: new WeakRef(snapshot) });
  }

  /** What still lives, by what is asked now. */
  #sort(): void {
    const living = [...this.#kept.values()].filter(({ snapshot }) => snapshot.deref() !== undefined);
    this.#kept = new Map(living.map((kept) => [this.#key(kept.like, kept.proxy.labels), kept]));
    this.#most = Math.max(64, 2 * this.#kept.size);
  }

  #key(like: string, labels: Labels): string {
    return `${like} ${JSON.stringify([...this.#asked].map((name) => labels[name] ?? null))}`;
  }
}

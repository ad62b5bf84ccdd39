import type { Announcement } from './announcement.ts';
import type { Derived } from './derived.ts';

/** Which scopes other replicas derive otherwise from the same tip (G20). */
export type Differing = {
  /** By uid of a scope that is known here: who derives it otherwise, or not at all. */
  readonly scopes: ReadonlyMap<string, readonly string[]>;
  /** All who differ, whether they have shown in what or not. */
  readonly replicas: readonly string[];
  /** How many scopes others have that are not known here. */
  readonly unknown: number;
};

/** Others are not listened to. */
export const MAX_REPLICAS = 64;
/** Whoever has said nothing for so long is no replica any more, and keeps nobody back. */
export const SILENCE_MS = 300_000;
/** Who differs for so long without showing in what is told on all the same. */
export const UNSHOWN_MS = 30_000;

type Other = {
  readonly said: Announcement;
  readonly atMs: number;
  /** What was to be compared last, so that it is read once; where that told nothing, now and then. */
  readonly read: { readonly pair: string; readonly atMs: number; readonly isKnown: boolean } | null;
  /** Since when it has said something else of the same tip; null: it says the same, or speaks of another tip. */
  otherwiseMs: number | null;
  apart: Apart | null;
};

type Apart = { readonly uids: readonly string[]; readonly unknown: number };

/**
 * What one replica and the others say of one repository, side by side; times are of a steady clock. It holds no more than
 * `MAX_REPLICAS` announcements and, of each, uids that are known here, whatever others say.
 */
export class Witnesses {
  #own: Derived | null = null;
  readonly #others = new Map<string, Other>();
  #differing: Differing | null = null;
  #changed = false;

  own(): Derived | null {
    return this.#own;
  }

  /** Null where nobody differs. The same object for as long as nothing changed. */
  differing(): Differing | null {
    return this.#differing;
  }

  follow(own: Derived, nowMs: number): void {
    this.#own = own;
    for (const other of this.#others.values()) this.#compare(other, nowMs);
    this.#refresh();
  }

  /** False: nobody who is listened to, or who has not been heard before. */
  hear(said: Announcement, nowMs: number): boolean {
    const { replica } = said;
    const before = this.#others.get(replica);
    if (said.tip === null) this.#forget(replica);
    else if (before !== undefined || this.#others.size < MAX_REPLICAS) {
      const { read = null, otherwiseMs = null, apart = null } = before ?? {};
      const other = { said, atMs: nowMs, read, otherwiseMs, apart };
      this.#others.set(replica, other);
      this.#compare(other, nowMs);
    }
    this.#refresh();
    return before !== undefined;
  }

  /** Somebody says otherwise of the tip that is followed here. */
  isDisputed(): boolean {
    return [...this.#others.values()].some(({ otherwiseMs }) => otherwiseMs !== null);
  }

  /** Who has shown what is to be compared; each in turn. */
  unread(nowMs: number): Announcement | null {
    const found = [...this.#others.values()].find((other) => {
      const { said, otherwiseMs, read } = other;
      const isRead = read?.pair === this.#pair(said) && (read.isKnown || nowMs - read.atMs < UNSHOWN_MS);
      return otherwiseMs !== null && said.scopes === 'shown' && !isRead;
    });
    return found?.said ?? null;
  }

  /** Only what was announced counts: `shown` null or of anything else says nothing. */
  read(said: Announcement, shown: Derived | null, nowMs: number): void {
    const [own, other] = [this.#own, this.#others.get(said.replica)];
    if (own === null || other === undefined || said.tip !== own.tip) return;
    const isKnown = shown?.tip === said.tip && shown.digest === said.digest && said.digest !== own.digest;
    const read = { pair: this.#pair(said), atMs: nowMs, isKnown };
    this.#others.delete(said.replica);
    this.#others.set(said.replica, { ...other, read });
    if (!isKnown || other.said.digest !== said.digest || other.said.tip !== said.tip) return;
    const uids = [...own.scopes].flatMap(([uid, line]) => (shown.scopes.get(uid) === line ? [] : [uid]));
    const unknown = [...shown.scopes.keys()].filter((uid) => !own.scopes.has(uid)).length;
    this.#set(said.replica, { uids, unknown });
    this.#refresh();
  }

  /** To be called now and then. */
  tick(nowMs: number): void {
    for (const [replica, other] of this.#others) {
      if (nowMs - other.atMs >= SILENCE_MS) this.#forget(replica);
      const { otherwiseMs, apart } = other;
      const isLong = otherwiseMs !== null && nowMs - otherwiseMs >= UNSHOWN_MS;
      if (isLong && apart === null) this.#set(replica, { uids: [], unknown: 0 });
    }
    this.#refresh();
  }

  #pair({ digest }: Announcement): string {
    return `${this.#own?.digest} ${digest}`;
  }

  #compare(other: Other, nowMs: number): void {
    if (this.#own === null || other.said.tip !== this.#own.tip) {
      other.otherwiseMs = null;
    } else if (other.said.digest === this.#own.digest) {
      other.otherwiseMs = null;
      this.#set(other.said.replica, null);
    } else other.otherwiseMs ??= nowMs;
  }

  #forget(replica: string): void {
    this.#set(replica, null);
    this.#others.delete(replica);
  }

  #set(replica: string, apart: Apart | null): void {
    const other = this.#others.get(replica);
    const before = other?.apart;
    const isSame = before?.unknown === apart?.unknown && before?.uids.join() === apart?.uids.join();
    if (other === undefined || isSame) return;
    other.apart = apart;
    this.#changed = true;
  }

  /** Costs as much as others differ: only where that has changed. */
  #refresh(): void {
    if (!this.#changed) return;
    this.#changed = false;
    const scopes = new Map<string, string[]>();
    const replicas: string[] = [];
    let unknown = 0;
    for (const [replica, { apart }] of this.#others) {
      if (apart === null) continue;
      replicas.push(replica);
      unknown = Math.max(unknown, apart.unknown);
      for (const uid of apart.uids) {
        const names = scopes.get(uid) ?? [];
        names.push(replica);
        scopes.set(uid, names);
      }
    }
    this.#differing = replicas.length === 0 ? null : { scopes, replicas, unknown };
  }
}

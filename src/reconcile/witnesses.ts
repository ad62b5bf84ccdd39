import type { Announcement } from './announcement.ts';
import type { Derived } from './derived.ts';

/** Whether two commits are on one main line, whichever comes first; `unknown`: a commit is not here. */
export type Kinship = 'same' | 'other' | 'unknown';

/** Which scopes other replicas derive otherwise, from the same tip or on another line (G20). */
export type Differing = {
  /** By uid of a scope that is known here: who derives it otherwise, or not at all. */
  readonly scopes: ReadonlyMap<string, readonly string[]>;
  /** All who differ, whether they have shown in what or not. */
  readonly replicas: readonly string[];
  /** Those of them that follow another line. */
  readonly elsewhere: readonly string[];
  /** How many scopes others have that are not known here. */
  readonly unknown: number;
};

/** Others are not listened to. */
export const MAX_REPLICAS = 64;
/** Whoever has said nothing for so long is no replica any more, and keeps nobody back. */
export const SILENCE_MS = 300_000;
/** Who differs for so long without showing in what is told on all the same. */
export const UNSHOWN_MS = 30_000;
/** A tip that is announced, and is not there when the remote is looked at so long after that, is of another line. */
export const LAG_MS = 30_000;

type Other = {
  readonly said: Announcement;
  readonly atMs: number;
  /** What was to be compared last, so that it is read once; where that told nothing, now and then. */
  read: { readonly pair: string; readonly atMs: number; readonly isKnown: boolean } | null;
  /** Since when it has said something else of the same tip or on another line; null: it says the same, or is ahead or behind. */
  otherwiseMs: number | null;
  apart: Apart | null;
  /** Its first tip that could not be found here since the last one that could. */
  readonly missing: { readonly tip: string; readonly sinceMs: number } | null;
  /** The tip that was looked for last, from where, and after which look at the remote. */
  readonly placed: { readonly from: string; readonly kinship: Kinship; readonly lookedMs: number } | null;
  /** Its line is another one, until its tip is found on this one. */
  readonly isElsewhere: boolean;
};

type Apart = { readonly uids: readonly string[]; readonly unknown: number };
/** Whether a scope that is known here and what is said of it may be one line at two times. */
type MayBeOneLine = (uid: string, said: string) => boolean;
const UNHEARD = {
  read: null,
  otherwiseMs: null,
  apart: null,
  missing: null,
  placed: null,
  isElsewhere: false,
};
const NOTHING: Apart = { uids: [], unknown: 0 };

/**
 * What one replica and the others say of one repository, side by side; times are of a steady clock. It holds no more than
 * `MAX_REPLICAS` announcements and, of each, uids that are known here, whatever others say.
 */
export class Witnesses {
  #own: Derived | null = null;
  readonly #others = new Map<string, Other>();
  #mayBeOneLine: MayBeOneLine = () => false;
  /** When the last look at the remote that succeeded began. */
  #lookedMs = Number.NEGATIVE_INFINITY;
  #differing: Differing | null = null;
  #changed = false;

  own(): Derived | null {
    return this.#own;
  }

  /** Null where nobody differs. The same object for as long as nothing changed. */
  differing(): Differing | null {
    return this.#differing;
  }

  follow(own: Derived, nowMs: number, mayBeOneLine: MayBeOneLine = () => false): void {
    this.#own = own;
    this.#mayBeOneLine = mayBeOneLine;
    for (const other of this.#others.values()) this.#compare(other, nowMs);
    this.#refresh();
  }

  /** False: nobody who is listened to, or who has not been heard before. */
  hear(said: Announcement, nowMs: number): boolean {
    const { replica } = said;
    const before = this.#others.get(replica);
    if (said.tip === null) this.#forget(replica);
    else if (before !== undefined || this.#others.size < MAX_REPLICAS) {
      const other = { ...UNHEARD, ...before, said, atMs: nowMs };
      this.#others.set(replica, other);
      this.#compare(other, nowMs);
    }
    this.#refresh();
    return before !== undefined;
  }

  /** The remote was looked at, from then on, and what it has is here. */
  looked(startMs: number): void {
    this.#lookedMs = startMs;
  }

  /** Of whom it is to be found out whether they follow this line, and by which of their tips; each in turn. */
  unplaced(): { readonly replica: string; readonly tip: string } | null {
    for (const [replica, other] of this.#others) {
      const tip = this.#sought(other);
      const { placed } = other;
      const isNew = placed?.from !== this.#from(tip);
      const isThere = placed?.kinship === 'unknown' && placed.lookedMs !== this.#lookedMs;
      if (tip !== this.#own?.tip && (isNew || isThere)) return { replica, tip };
    }
    return null;
  }

  /** What was found out about a tip from `unplaced`, at the tip that was followed then. */
  place(
    { replica, tip }: { readonly replica: string; readonly tip: string },
    kinship: Kinship,
    nowMs: number,
  ) {
    const [own, other] = [this.#own, this.#others.get(replica)];
    if (own === null || other === undefined || tip !== this.#sought(other)) return;
    const placed = { from: this.#from(tip), kinship, lookedMs: this.#lookedMs };
    const missing = kinship === 'unknown' ? (other.missing ?? { tip, sinceMs: nowMs }) : null;
    const isGone = missing !== null && this.#lookedMs >= missing.sinceMs + LAG_MS;
    const isElsewhere = kinship === 'other' || (kinship === 'unknown' && (isGone || other.isElsewhere));
    this.#others.delete(replica);
    const now = { ...other, placed, missing, isElsewhere };
    this.#others.set(replica, now);
    if (isElsewhere !== other.isElsewhere) {
      now.read = null; // What was read before says something else now.
      this.#set(replica, isElsewhere ? (now.apart ?? NOTHING) : null);
      this.#changed = true;
    }
    this.#compare(now, nowMs);
    this.#refresh();
  }

  /** Somebody says otherwise of the tip that is followed here, or follows another line. */
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
    if (own === null || other === undefined) return;
    if (said.tip !== own.tip && !other.isElsewhere) return;
    const isKnown = shown?.tip === said.tip && shown.digest === said.digest && said.digest !== own.digest;
    const read = { pair: this.#pair(said), atMs: nowMs, isKnown };
    this.#others.delete(said.replica);
    this.#others.set(said.replica, { ...other, read });
    if (!isKnown || other.said.digest !== said.digest || other.said.tip !== said.tip) return;
    const uids = [...own.scopes].flatMap(([uid, line]) => {
      const theirs = shown.scopes.get(uid);
      const isLater = other.isElsewhere && (theirs === undefined || this.#mayBeOneLine(uid, theirs));
      return theirs === line || isLater ? [] : [uid];
    });
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
      if (isLong && apart === null) this.#set(replica, NOTHING);
    }
    this.#refresh();
  }

  #pair({ digest }: Announcement): string {
    return `${this.#own?.digest} ${digest}`;
  }

  /** The tip by which its line is known: the first that was missing; of one that is elsewhere, whether it has come back. */
  #sought({ said, missing, isElsewhere }: Other): string {
    return isElsewhere || missing === null ? (said.tip ?? '') : missing.tip;
  }

  #from(tip: string): string {
    return `${this.#own?.tip} ${tip}`;
  }

  #compare(heard: Other, nowMs: number): void {
    const other = this.#arrived(heard);
    const isSame = other.said.digest === this.#own?.digest;
    if (this.#own === null || (other.said.tip !== this.#own.tip && !other.isElsewhere)) {
      other.otherwiseMs = null;
    } else if (isSame) {
      other.otherwiseMs = null;
      this.#set(other.said.replica, other.isElsewhere ? NOTHING : null);
    } else other.otherwiseMs ??= nowMs;
  }

  /** Whoever follows this very tip is on this line. */
  #arrived(other: Other): Other {
    const { replica, tip } = other.said;
    if (tip !== this.#own?.tip || (other.missing === null && !other.isElsewhere)) return other;
    const arrived = { ...other, missing: null, placed: null, isElsewhere: false };
    this.#others.set(replica, arrived);
    if (other.isElsewhere) this.#set(replica, null);
    return arrived;
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
    const elsewhere: string[] = [];
    let unknown = 0;
    for (const [replica, { apart, isElsewhere }] of this.#others) {
      if (apart === null) continue;
      replicas.push(replica);
      if (isElsewhere) elsewhere.push(replica);
      unknown = Math.max(unknown, apart.unknown);
      for (const uid of apart.uids) {
        const names = scopes.get(uid) ?? [];
        names.push(replica);
        scopes.set(uid, names);
      }
    }
    this.#differing = replicas.length === 0 ? null : { scopes, replicas, elsewhere, unknown };
  }
}

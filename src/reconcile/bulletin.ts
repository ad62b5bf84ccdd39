export type BulletinListener = {
  /** Somebody said this: whoever may write to where it comes from can. */
  readonly heard: (text: string) => void;
  /** It is there, or there again: what was said meanwhile is lost. */
  readonly connected: () => void;
};

/** Where replicas meet. Guarantees: what is longer than it may be is never read, and nothing that is said waits or piles up. */
export interface Bulletin {
  listen(listener: BulletinListener): void;
  /** To all who listen now. Nothing is said while it is away. */
  say(text: string): void;
  /** Rejects where it is away, or does not take it. */
  write(name: string, text: string, keepSeconds: number): Promise<void>;
  /** Null: there is nothing, or more than `maxBytes`. Rejects where it is away. */
  read(name: string, maxBytes: number): Promise<string | null>;
  /** Milliseconds since the Unix epoch, as it says to all who meet here. Waits while it is away. Rejects where it says none. */
  timeMs(): Promise<number>;
}

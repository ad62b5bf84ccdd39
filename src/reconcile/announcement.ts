import { closed, isDigest, isId, isLine, oneOf, orNull, parsed } from './shape.ts';

/** What a replica says of a repository: a hint to look at the remote, and something to compare. */
export type Announcement = {
  /** 32 hex digits, of one process. */
  readonly replica: string;
  readonly repository: string;
  /** Two meshes may have a repository of one name; of another genesis it is another. */
  readonly genesis: string;
  /** What it follows; null: nothing yet, or no more. */
  readonly tip: string | null;
  /** Of what it derived of all scopes there (`Derived`). */
  readonly digest: string;
  /** `shown`: what it derived of each scope can be read. */
  readonly scopes: 'shown' | 'unshown';
  /** Of all that it was told to stop, and that it may go on with. */
  readonly suspensions: string;
};

const isReplica = (value: unknown) => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);

const isAnnouncement = closed({
  replica: isReplica,
  repository: isLine(63),
  genesis: isId,
  tip: orNull(isId),
  digest: isDigest,
  scopes: oneOf('shown', 'unshown'),
  suspensions: isDigest,
});

/** Strict: null for anything that is not exactly one. */
export function parseAnnouncement(text: string): Announcement | null {
  const value = parsed(text);
  return isAnnouncement(value) ? (value as Announcement) : null;
}

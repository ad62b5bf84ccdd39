import type { Commit } from './commit.ts';

/** 40 lower-case hex digits: a SHA-1 object name. */
export type ObjectId = string;

/**
 * One entry of a tree object, as the bytes say it; `mode` is git's octal text (`40000`, `100644`, …), `name` has one
 * character (U+0000 to U+00FF) for each byte, so that no two names look the same.
 */
export type TreeEntry = { readonly mode: string; readonly name: string; readonly id: ObjectId };

/**
 * What reading an object by its name can give. Every byte has been hashed again and equals the name.
 * Throws `Failure`: `object-missing` and `object-corrupt` are about this store, so nothing can be said now; `object-malformed`
 * is about the bytes that the name itself stands for (another type, no tree line), so it is the same on every machine.
 */
export interface Objects {
  /** A commit that breaks G1 is still history (`Commit.refusal`). */
  commit(id: ObjectId): Promise<Commit>;
  tree(id: ObjectId): Promise<readonly TreeEntry[]>;
  blob(id: ObjectId): Promise<Uint8Array>;
}

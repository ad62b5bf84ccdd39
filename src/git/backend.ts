import type { ObjectId, Objects } from './objects.ts';

/** The remote of a store: what is fetched, and from where (http, https, SSH, or a path on this machine). */
export type Remote = { readonly url: string; readonly branch: string };

/** A store of git objects and the branch that it follows. Each adapter passes `test/git/backend.contract.ts`. */
export interface GitBackend extends Objects {
  /**
   * Fetches the remote's branch with its whole history; the remote's tip, also if it was moved by force: judging is not
   * git's business. Throws `Failure` `remote-unreachable`, `remote-timeout`, `branch-missing`, `disk-full`,
   * `object-corrupt`, `shallow-clone`; or the signal's reason. After a failure the store is as good as before.
   * One at a time: the next waits until the one before has come to its end, also where nobody waits for that any more.
   */
  fetch(signal?: AbortSignal): Promise<ObjectId>;
  /** The remote's tip, without fetching it. Throws as `fetch` does. */
  remoteTip(signal?: AbortSignal): Promise<ObjectId>;
  /**
   * Whether a commit can be read here. Of one that is not, `commit` tells the next fetch to ask for everything: this is how
   * to ask for one that nobody has fetched.
   */
  has(commit: ObjectId): Promise<boolean>;
  /**
   * The commit that a branch (`main`, `origin/main`), full ref, tag, `HEAD` or 40 hex digits names in this store; after a
   * fetch the remote's branch is a branch here. Throws `Failure` `ref-missing`.
   */
  resolve(ref: string): Promise<ObjectId>;
  /** Ends what the backend runs beside us. Nothing is read afterwards. */
  close(): Promise<void>;
}

/**
 * An operational failure: the world did not do its part (disk, network, remote, missing object).
 * Thrown, and caught in two places only: the reconcile loop and the command's or request's handler.
 */
export class Failure extends Error {
  /** Stable code in kebab case, e.g. `remote-unreachable`, `object-missing`, `disk-full`. */
  readonly code: string;
  /** What the reader can do about it. */
  readonly fix: string;

  constructor(code: string, message: string, fix: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Failure';
    this.code = code;
    this.fix = fix;
  }
}

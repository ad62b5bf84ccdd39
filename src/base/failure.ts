type FailureOptions = ErrorOptions & { readonly retryAfterMs?: number | null };

/**
 * An operational failure: the world did not do its part (disk, network, remote, missing object).
 * Thrown, and caught in two places only: the reconcile loop and the command's or request's handler.
 */
export class Failure extends Error {
  /** Stable code in kebab case, e.g. `remote-unreachable`, `object-missing`, `disk-full`. */
  readonly code: string;
  /** What the reader can do about it. */
  readonly fix: string;
  /** How long whoever failed wants not to be asked again, in milliseconds; null: it did not say. */
  readonly retryAfterMs: number | null;

  constructor(code: string, message: string, fix: string, options: FailureOptions = {}) {
    super(message, options);
    this.name = 'Failure';
    this.code = code;
    this.fix = fix;
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

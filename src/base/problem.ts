/**
 * A mistake in a user's text. Problems are values: they accumulate, and none of them stops another scope.
 * `file` is relative to the mesh path (`payments/routes.yaml`); `line` and `column` count from 1.
 */
export type Problem = {
  /** Stable code, `FL` and four digits; listed in `docs/problems.md`. */
  readonly code: string;
  /**
   * `error`: what it points at is not served as written; the scope goes on as it was before, where it can. Where not: in `manifests` its document is left out; in `mesh` the manifest or
   * that part of it, but a routing stays whose destination dangles, and requests to that are answered 503.
   * `warning`: it is honoured, but not as the author may expect.
   */
  readonly severity: 'error' | 'warning';
  readonly message: string;
  /** What to do about it, in the imperative. */
  readonly fix: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
};

/** `file:line:column: severity CODE message; fix` as compilers print it. */
export function formatProblem(problem: Problem): string {
  const { file, line, column, severity, code, message, fix } = problem;
  return `${file}:${line}:${column}: ${severity} ${code} ${message}; ${fix}`;
}

/** `2 errors, the first FL2101 at a.yaml:6:1`; null: there is none. */
export function errorsText(problems: readonly Problem[]): string | null {
  const errors = problems.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  if (first === undefined) return null;
  const { code, file, line, column } = first;
  return `${errors.length} error${errors.length === 1 ? '' : 's'}, the first ${code} at ${file}:${line}:${column}`;
}

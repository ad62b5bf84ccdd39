/**
 * A mistake in a user's text. Problems are values: they accumulate, and none of them stops another scope.
 * `file` is relative to the mesh path (`payments/routes.yaml`); `line` and `column` count from 1.
 */
export type Problem = {
  /** Stable code, `FL` and four digits; listed in `docs/problems.md`. */
  readonly code: string;
  /** `error`: the document is left out. `warning`: it is honoured, but not as the author may expect. */
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

/** Exit codes of `formats.md`. */
export const exit = {
  ok: 0,
  /** Differences or findings. */
  findings: 1,
  error: 2,
  /** Refused, or held. */
  refused: 3,
  timeout: 4,
  usage: 64,
} as const;

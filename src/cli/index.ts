/**
 * The command line. Guarantees: data on standard output, everything else on standard error; the exit codes of
 * `formats.md`; `apiVersion` and `kind` in every `-o json|yaml`; no colour and no cursor movement off a terminal or with
 * NO_COLOR. Refuses to guess: what it cannot read is an error with a code and what to do.
 *
 * It reads neither flags of the process nor its environment by itself: `program.ts` hands both in, and what other edges do
 * (`serve`).
 */
export type { GitConfig } from './context.ts';
export { runCommandLine } from './program.ts';

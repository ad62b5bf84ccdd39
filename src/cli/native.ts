import { spawn } from 'node:child_process';
import { Failure } from '../base/failure.ts';

/** `bytes`: standard output as it came; `out`: as text, without its last line feed. */
export type Ran = {
  readonly code: number;
  readonly out: string;
  readonly bytes: Uint8Array;
  readonly err: string;
};

export type RunOptions = {
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** `inherit` lets the program ask on the terminal, for example for a passphrase or a touch. */
  readonly stdin?: 'ignore' | 'inherit';
  /** Written to its standard input, in place of `stdin`. */
  readonly input?: Uint8Array;
};

/** Runs a program to its end, never through a shell. Throws Failure program-missing when it cannot be started. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { cwd, environment, stdin = 'ignore', input } = options;
  const child = spawn(program, args, {
    stdio: [input === undefined ? stdin : 'pipe', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
    ...(environment === undefined ? {} : { env: environment }),
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
  // A program that does not read its input closes it early: its exit code tells.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    child.on('error', (error) =>
      reject(
        new Failure(
          'program-missing',
          `${program} cannot be started: ${error.message}`,
          `install ${program}`,
        ),
      ),
    );
    child.on('close', (code) =>
      resolve({
        code: code ?? 128,
        out: text(out).replace(/\n$/, ''),
        bytes: Buffer.concat(out),
        err: text(err).trim(),
      }),
    );
  });
}

/** Standard output of a program that has to succeed; else Failure program-failed with its last words. */
export async function need(program: string, args: readonly string[], options?: RunOptions): Promise<string> {
  const { code, out, err } = await run(program, args, options);
  if (code === 0) return out;
  const said = err.split('\n').slice(-3).join(' / ');
  throw new Failure('program-failed', `${program} ${args[0] ?? ''}: ${said}`, 'see what it says');
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString();
}

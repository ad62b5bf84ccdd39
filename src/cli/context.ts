import type { Terminal } from './terminal.ts';

/** Flags of `fairlead serve` as they were typed; `config.ts` merges them with environment and file. */
export type ServeFlags = {
  readonly config?: string;
  readonly repository?: string;
  readonly branch?: string;
  readonly pin?: string;
  readonly name?: string;
  readonly dataDir?: string;
  readonly xds?: string;
  readonly http?: string;
  readonly poll?: string;
  readonly fetchTimeout?: string;
  readonly removalTimeout?: string;
};

/** What the command line is given by `main.ts`. */
export type Surroundings = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Kept between runs: the fetched Envoy. */
  readonly cacheDir: string;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Runs the control plane until it is told to stop; the exit code. */
  readonly serve: (flags: ServeFlags) => Promise<number>;
};

/** What every command has. */
export type Context = Omit<Surroundings, 'stdin' | 'stdout' | 'stderr'> & {
  readonly terminal: Terminal;
  /** Says with which code the process ends. */
  readonly finish: (code: number) => void;
};

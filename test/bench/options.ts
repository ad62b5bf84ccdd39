import { join } from 'node:path';
import { parseArgs } from 'node:util';

/** What a run is told: `npm run bench -- verify --commits 5000`. */
export type Options = {
  /** Which benches; empty: all. */
  readonly names: readonly string[];
  readonly commits: number;
  /** Null: as many as the bench has otherwise. */
  readonly scopes: number | null;
  readonly repositories: number | null;
  readonly rounds: number | null;
  /** Null: each. */
  readonly backend: string | null;
  /** Of the pushes; null: all sizes. */
  readonly services: number | null;
  readonly clients: number | null;
  /** Over how many namespaces the proxies are spread. */
  readonly namespaces: number;
  /** Folder of the load client and the peer, which are programs of their own. */
  readonly tools: string;
};

export function readOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const sizes = { commits: text, scopes: text, repositories: text, rounds: text };
  const numbers = { ...sizes, services: text, clients: text, namespaces: text };
  const options = { ...numbers, backend: text, tools: text };
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const root = join(import.meta.dirname, '..', '..');
  return {
    names: positionals,
    commits: count('commits', values.commits, 5_000),
    scopes: given('scopes', values.scopes),
    repositories: given('repositories', values.repositories),
    rounds: given('rounds', values.rounds),
    backend: values.backend ?? null,
    services: given('services', values.services),
    clients: given('clients', values.clients),
    namespaces: count('namespaces', values.namespaces, 1),
    tools: values.tools ?? process.env.FAIRLEAD_BENCH_TOOLS ?? join(root, '..', 'shared', 'tools'),
  };
}

function given(name: string, text: string | undefined): number | null {
  return text === undefined ? null : count(name, text, 1);
}

function count(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} is a whole number from 1`);
  return value;
}

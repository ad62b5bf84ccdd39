import { join } from 'node:path';
import { parseArgs } from 'node:util';

/** What a run is told: `npm run bench -- verify --commits 5000`. */
export type Options = {
  /** Which benches; empty: all. */
  readonly names: readonly string[];
  readonly commits: number;
  readonly scopes: number;
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
  const numbers = { commits: text, scopes: text, services: text, clients: text, namespaces: text };
  const options = { ...numbers, backend: text, tools: text };
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const root = join(import.meta.dirname, '..', '..');
  return {
    names: positionals,
    commits: count('commits', values.commits, 5_000),
    scopes: count('scopes', values.scopes, 100),
    backend: values.backend ?? null,
    services: values.services === undefined ? null : count('services', values.services, 1),
    clients: values.clients === undefined ? null : count('clients', values.clients, 1),
    namespaces: count('namespaces', values.namespaces, 1),
    tools: values.tools ?? process.env.FAIRLEAD_BENCH_TOOLS ?? join(root, '..', 'shared', 'tools'),
  };
}

function count(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} is a whole number from 1`);
  return value;
}

import type { Check } from './check.ts';
import { dataDir, httpPort, xdsPort } from './machine.ts';
import { envoy, git, node } from './programs.ts';
import { redis } from './redis.ts';
import { pin, remote, webhooks } from './source.ts';

/** By section, in the order in which they are shown. A new check is one entry here and one section of `docs/checks.md`. */
const sections: Readonly<Record<string, readonly Check[]>> = {
  programs: [node, git, envoy],
  machine: [dataDir, xdsPort, httpPort],
  source: [pin, remote, webhooks],
  replicas: redis,
};

/** A check, and under which heading it is shown. */
type Placed = Check & { readonly section: string };

export const machineChecks: readonly Placed[] = Object.entries(sections).flatMap(([section, checks]) =>
  checks.map((check) => ({ ...check, section })),
);

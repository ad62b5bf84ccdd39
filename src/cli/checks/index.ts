import type { Check } from './check.ts';
import { dataDir, httpPort, xdsPort } from './machine.ts';
import { envoy, git, node } from './programs.ts';
import { pin, remote } from './source.ts';

/** In the order in which they are shown. A new check is one entry here and one section of `docs/checks.md`. */
export const machineChecks: readonly Check[] = [node, git, envoy, dataDir, xdsPort, httpPort, pin, remote];

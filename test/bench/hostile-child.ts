/** One measurement of `hostile` in a process of its own, so that its peak memory is its own. Prints JSON. */
import { readFile } from 'node:fs/promises';
import { createTreeDigests } from '../../src/git/index.ts';
import { makePin, openLine } from '../../src/governance/index.ts';
import { openBackend } from './backends.ts';
import { cpuMs } from './report.ts';

const [gitdir = '', genesis = '', tip = '', backend = ''] = process.argv.slice(2);
const objects = await openBackend(backend, gitdir);
const digests = createTreeDigests(objects);
const made = await makePin(objects, digests, genesis, 'mesh');
if (!made.ok) throw new Error(made.reason);
const line = openLine(objects, digests, made.pin);
const startMs = cpuMs();
const verdict = await line.state(tip);
if (!verdict.ok) throw new Error(verdict.reason);
const usedMs = cpuMs() - startMs;
await objects.close();
const scopes = [...verdict.state.scopes.values()].map(
  ({ name, seq, hold }) => [name, { seq, hold }] as const,
);
const { s, t } = Object.fromEntries(scopes);
// Not `resourceUsage`: there a child begins with the memory of whoever started it.
const peakKb = /VmHWM:\s+(\d+)/.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
const peakMb = Number(peakKb) / 1024;
const result = { cpuMs: usedMs, peakMb, rule: s?.hold?.rule ?? null, reason: s?.hold?.reason, seq: t?.seq };
process.stdout.write(`${JSON.stringify(result)}\n`);

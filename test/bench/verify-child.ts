/** One measurement of `verify` in a process of its own, so that its peak memory is its own. Prints JSON. */
import { readFile } from 'node:fs/promises';
import { createTreeDigests } from '../../src/git/index.ts';
import { makePin, openLine } from '../../src/governance/index.ts';
import { openBackend } from './backends.ts';
import { openFloor } from './floor.ts';
import { readHistory } from './history.ts';

const [folder = '', backend = '', what = ''] = process.argv.slice(2);
const history = await readHistory(folder);

/** Wall and CPU time of an act, in milliseconds. */
async function timed<T>(act: () => Promise<T>) {
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  const value = await act();
  const { user, system } = process.cpuUsage(cpu);
  return { value, ms: performance.now() - startMs, cpuMs: (user + system) / 1000 };
}

async function verify() {
  const objects = await openBackend(backend, history.gitdir);
  const line = openLine(objects, createTreeDigests(objects), history.pin);
  const stateOf = async (tip: string) => {
    const verdict = await line.state(tip);
    if (!verdict.ok) throw new Error(verdict.reason);
    await line.scopes(verdict.state);
    return verdict.state;
  };
  const cold = await timed(() => stateOf(history.before));
  const one = await timed(() => stateOf(history.tip));
  const again = await timed(() => stateOf(history.tip));
  const scopes = [...again.value.scopes.values()];
  const accepted = scopes.reduce((sum, { seq }) => sum + seq - 1, 0);
  const held = scopes.filter(({ hold }) => hold !== null).length;
  await objects.close();
  const times = [cold, one, again].map(({ ms, cpuMs }) => ({ ms, cpuMs }));
  return { cold: times[0], one: times[1], again: times[2], accepted, held };
}

async function floor() {
  const objects = await openBackend(backend, history.gitdir);
  const made = await makePin(objects, createTreeDigests(objects), history.pin.commit, history.pin.path);
  if (!made.ok) throw new Error(made.reason);
  const [root] = made.state.scopes.values();
  const keys = root?.policy.anchors.flatMap((anchor) => anchor.keys) ?? [];
  const { value, ms, cpuMs } = await timed(() => openFloor(objects, keys)(history.tip));
  await objects.close();
  return { ...value, ms, cpuMs };
}

const result = what === 'floor' ? await floor() : await verify();
// That of rusage would be the parent's where that was larger: it outlives exec.
const peakMb = Number(/^VmHWM:\s+(\d+) kB$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1]) / 1024;
process.stdout.write(`${JSON.stringify({ ...result, peakMb })}\n`);

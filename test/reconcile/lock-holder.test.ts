import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test, vi } from 'vitest';
import { must } from '../../src/base/must.ts';
import { holdingOf, nodeProcesses } from '../../src/reconcile/lock-holder.ts';

test('a dead process that nobody has buried yet holds nothing', async () => {
  // The shell becomes a sleep, which does not wait for its child.
  const parent = spawn('/bin/sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void parent.kill('SIGKILL'));
  const [said] = await once(must(parent.stdout), 'data');
  const pid = Number(String(said));
  const holder = { ...nodeProcesses.self, pid, startTicks: nodeProcesses.startTicks(pid) };
  await vi.waitFor(() => expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^State:\s+Z/m), {
    timeout: 60_000,
    interval: 10,
  });
  expect(holdingOf(holder, nodeProcesses)).toBe('free');
  const living = must(parent.pid);
  expect(holdingOf({ ...holder, pid: living, startTicks: null }, nodeProcesses)).toBe('held');
});

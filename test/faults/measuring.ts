/** Loaded before a server (`node --import`): says what its process holds whenever it is asked. */
import { readdirSync, readFileSync } from 'node:fs';
import { bytesInUse } from '../xds/memory.ts';

/** What a process holds. */
export type Measured = {
  /** On the heap and in buffers, after everything that can be let go was. */
  readonly bytes: number;
  /** The most memory that it ever had. */
  readonly peakBytes: number;
  /** Open files, sockets included. */
  readonly files: number;
  readonly timers: number;
};

process.on('message', async () => {
  const bytes = await bytesInUse();
  const [, peakKb = '0'] = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const files = readdirSync('/proc/self/fd').length;
  process.send?.({ bytes, peakBytes: Number(peakKb) * 1024, files, timers } satisfies Measured);
});
process.channel?.unref();

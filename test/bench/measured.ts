/** Loaded before a server (`node --import`, with `--expose-gc`): says over IPC what it holds after a collection. */
const { gc } = globalThis;

process.on('message', () => {
  gc?.();
  gc?.();
  const { heapUsed, external } = process.memoryUsage();
  process.send?.(heapUsed + external);
});
process.channel?.unref();

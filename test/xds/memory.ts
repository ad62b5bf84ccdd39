import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** After it everything that can be let go was. */
export async function letGo(): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    await new Promise(setImmediate);
    collect();
  }
}

/** Bytes in use, on the heap and in buffers. */
export async function bytesInUse(): Promise<number> {
  await letGo();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Reads a small object and then another one, in a process of its own: prints what came of it, and by how much the peak memory grew. */
import { readFile } from 'node:fs/promises';
import { openIsomorphic, openNative } from '../../src/git/index.ts';

const [backend, gitdir = '', small = '', wanted = ''] = process.argv.slice(2);
const environment = process.env;
const git = await (backend === 'native' ? openNative({ gitdir, environment }) : openIsomorphic({ gitdir }));

async function peakBytes(): Promise<number> {
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(await readFile('/proc/self/status', 'utf8'))?.[1]);
}

await git.blob(small);
const before = await peakBytes();
const outcome = await git.blob(wanted).then(String, (error: { code: string }) => error.code);
const grownBytes = (await peakBytes()) - before;
await git.close();
process.stdout.write(JSON.stringify({ outcome, grownBytes }));

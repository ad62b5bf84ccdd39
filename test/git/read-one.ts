/**
 * Opens a store, fetches its branch `main` where a remote is named, and reads one blob, in a process of its own. Prints what
 * came of that, and by how much it made the peak memory grow.
 */
import { readFile } from 'node:fs/promises';
import { openIsomorphic, openNative } from '../../src/git/index.ts';

const [backend, gitdir = '', small = '', wanted = '', url] = process.argv.slice(2);
const options = { gitdir, ...(url === undefined ? {} : { remote: { url, branch: 'main' } }) };
const environment = process.env;
const git = await (backend === 'native' ? openNative({ ...options, environment }) : openIsomorphic(options));

async function peakBytes(): Promise<number> {
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(await readFile('/proc/self/status', 'utf8'))?.[1]);
}

async function outcomeOf(): Promise<string> {
  try {
    if (url !== undefined) await git.fetch();
    return Buffer.from(await git.blob(wanted)).toString();
  } catch (error) {
    return (error as { code: string }).code;
  }
}

await git.blob(small).catch(() => {}); // Not there yet where it is fetched.
const before = await peakBytes();
const outcome = await outcomeOf();
const grownBytes = (await peakBytes()) - before;
await git.close();
process.stdout.write(JSON.stringify({ outcome, grownBytes }));

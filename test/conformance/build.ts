/**
 * Builds the conformance cases again: `node test/conformance/build.ts [number …]`, all of them without a number.
 * Needs git, ssh-keygen and gpg.
 */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildCase, folderOf } from './case.ts';
import { cases } from './cases/index.ts';
import { installTools } from './scratch.ts';

const data = join(import.meta.dirname, 'data');
const wanted = new Set(process.argv.slice(2));
const tools = await installTools();
try {
  await mkdir(data, { recursive: true });
  if (wanted.size === 0) await removeUnknown();
  for (const source of cases.filter(({ number }) => wanted.size === 0 || wanted.has(number))) {
    const folder = join(data, folderOf(source));
    const { expectation, bundle } = await buildCase(tools, source).catch((error: unknown) => {
      throw new Error(`case ${source.number}`, { cause: error });
    });
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'expectation.json'), `${JSON.stringify(expectation, null, 2)}\n`);
    await writeFile(join(folder, 'history.bundle'), bundle);
    process.stdout.write(`${folderOf(source)}: ${bundle.length} bytes\n`);
  }
} finally {
  await tools.close();
}

/** Folders of cases that were renamed. */
async function removeUnknown(): Promise<void> {
  const known = new Set(cases.map(folderOf));
  for (const name of await readdir(data)) {
    if (/^c?[0-9]+-/.test(name) && !known.has(name)) await rm(join(data, name), { recursive: true });
  }
}

/** Verifies the runs of a case in a process of its own, and prints what it says as a JSON list. */
import { readFileSync } from 'node:fs';
import type { Expectation } from './format.ts';
import { damages, openReader, play } from './play.ts';

const [reader = '', gitdir = '', expectation = ''] = process.argv.slice(2);
const { runs } = JSON.parse(readFileSync(expectation, 'utf8')) as Expectation;
const opened = await openReader(reader, gitdir);
const found: string[] = [];
for (const each of runs.filter((one) => !damages(one)))
  found.push(...(await play(opened, each)).verifications);
await opened.close();
process.stdout.write(JSON.stringify(found));

/** Makes the histories that stdin lists as JSON: a folder and the options of each. */
import { text } from 'node:stream/consumers';
import { type HistoryOptions, makeHistory } from './history.ts';

type Wanted = { readonly dir: string; readonly options: HistoryOptions };
const all = JSON.parse(await text(process.stdin)) as readonly Wanted[];
for (const { dir, options } of all) await makeHistory(dir, options);

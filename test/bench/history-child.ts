/** Makes a history in the folder given, with the options given as JSON. */
import { type HistoryOptions, makeHistory } from './history.ts';

const [dir = '', options = ''] = process.argv.slice(2);
await makeHistory(dir, JSON.parse(options) as HistoryOptions);

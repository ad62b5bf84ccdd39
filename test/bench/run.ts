/** `npm run bench`: all figures of docs/performance.md; `npm run bench -- verify` takes one. Never part of a test. */
import { benchArrive } from './arrive.ts';
import { benchConverge } from './converge.ts';
import { benchHostile } from './hostile.ts';
import { benchManyRepositories } from './many-repositories.ts';
import { benchManyScopes } from './many-scopes.ts';
import { readOptions } from './options.ts';
import { benchPush } from './push.ts';
import { benchScenarios } from './push-scenarios.ts';
import { machine } from './report.ts';
import { benchScope } from './scope.ts';
import { benchVerify } from './verify.ts';

const benches = {
  verify: benchVerify,
  hostile: benchHostile,
  scope: benchScope,
  push: benchPush,
  scenarios: benchScenarios,
  converge: benchConverge,
  arrive: benchArrive,
  'many-scopes': benchManyScopes,
  'many-repositories': benchManyRepositories,
} as const;

const options = readOptions(process.argv.slice(2));
const unknown = options.names.find((name) => !Object.hasOwn(benches, name));
if (unknown !== undefined) {
  process.stderr.write(`there is no bench ${unknown}: ${Object.keys(benches).join(', ')}\n`);
  process.exit(64);
}
process.stdout.write(`${await machine()}\n`);
for (const [name, bench] of Object.entries(benches)) {
  if (options.names.length === 0 || options.names.includes(name)) await bench(options);
}

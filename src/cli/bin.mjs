#!/usr/bin/env node
// The launcher is plain JavaScript of 2022, so that a Node that cannot strip types still says what is wrong.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED = 24;

/** In a checkout the source runs as it is; in an installed package, where Node strips no types, what was made of it. */
const source = new URL('../program.ts', import.meta.url);
const compiled = new URL('../../dist/program.js', import.meta.url);
/** Where `npm install node` puts one: below a checkout, or beside an installed package. */
const bundled = ['../../node_modules/node/bin/node', '../../../node/bin/node']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => existsSync(path));

if (Number.parseInt(process.versions.node, 10) >= NEEDED) {
  // What V8 made of the source is kept where only this user writes; where that fails, it is made again.
  const { XDG_CACHE_HOME, HOME } = process.env;
  const cache = XDG_CACHE_HOME || (HOME && join(HOME, '.cache'));
  if (cache) module.enableCompileCache(join(cache, 'fairlead', 'compiled'));
  const program = await import(existsSync(source) ? source : compiled).catch(unprepared);
  process.exitCode = await program.run(process.argv.slice(2));
} else if (bundled !== undefined) {
  runWith(bundled);
} else {
  process.stderr.write(
    `fairlead needs Node ${NEEDED} or newer, this is ${process.version}: npm install node@${NEEDED}\n`,
  );
  process.exitCode = 2;
}

/** A checkout without `npm ci`, or one that was pulled since. */
function unprepared(error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  const [missing] = error.message.split(' imported from ');
  process.stderr.write(`error: ${missing} [not-installed]\n  fix: npm ci\n`);
  return { run: () => 2 };
}

/** Runs this file again with another Node: same arguments and streams; signals and the exit code are passed on. */
function runWith(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A terminal interrupts the whole group: passed on, one Ctrl-C would arrive twice.
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY) || child.kill(signal));
  }
  child.on('error', (error) => {
    process.stderr.write(`fairlead cannot start ${node}: ${error.message}\n`);
    process.exitCode = 2;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}

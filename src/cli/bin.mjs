#!/usr/bin/env node
// The launcher is plain JavaScript of 2022, so that a Node that cannot strip types still says what is wrong.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const NEEDED = 24;

/** In a checkout the source runs as it is; in an installed package, where Node strips no types, what was made of it. */
const source = new URL('../main.ts', import.meta.url);
const compiled = new URL('../../dist/main.js', import.meta.url);
/** Where `npm install node` puts one: below a checkout, or beside an installed package. */
const bundled = ['../../node_modules/node/bin/node', '../../../node/bin/node']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => existsSync(path));

if (Number.parseInt(process.versions.node, 10) >= NEEDED) {
  const { main } = await import(existsSync(source) ? source : compiled);
  process.exitCode = await main(process.argv.slice(2));
} else if (bundled !== undefined) {
  runWith(bundled);
} else {
  process.stderr.write(
    `fairlead needs Node ${NEEDED} or newer, this is ${process.version}: npm install node@${NEEDED}\n`,
  );
  process.exitCode = 2;
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

#!/usr/bin/env node
// The launcher is plain JavaScript of 2022, so that a Node that cannot strip types still says what is wrong.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const NEEDED = 24;
const bundled = fileURLToPath(new URL('../../node_modules/node/bin/node', import.meta.url));

if (Number.parseInt(process.versions.node, 10) >= NEEDED) {
  const { main } = await import('../main.ts');
  process.exitCode = await main(process.argv.slice(2));
} else if (existsSync(bundled)) {
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

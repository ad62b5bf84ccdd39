import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startChild } from '../../src/cli/demo/child.ts';
import { createFolder } from '../repository.ts';

test('what a child says at its very end is in its log when it is closed', async () => {
  const { dir, close } = await createFolder();
  onTestFinished(close);
  // Its last words come when it is gone: what it started says them.
  const last = '(while kill -0 $$ 2> /dev/null; do :; done; echo last >&2) & exit 0';
  const script = `trap '${last}' TERM; echo ready >&2; while :; do sleep 0.01; done`;
  const log = join(dir, 'log');
  const said = { log, cwd: dir, environment: process.env, ready: /^ready$/ };
  const child = startChild({ program: 'sh', args: ['-c', script], ...said });
  await child.ready;
  await child.close();
  expect(await readFile(log, 'utf8')).toBe('ready\nlast\n');
  await child.close();
});

test('a child that cannot be started is closed, too', async () => {
  const { dir, close } = await createFolder();
  onTestFinished(close);
  const said = { log: join(dir, 'log'), cwd: dir, environment: process.env, ready: /^ready$/ };
  const child = startChild({ program: join(dir, 'none'), args: [], ...said });
  await expect(child.ready).rejects.toMatchObject({ code: 'demo-child' });
  await child.close();
});

import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { need } from '../native.ts';

const MARK = '# Installed by `fairlead hook install`; `fairlead hook uninstall` takes it away.';
const BIN = join(import.meta.dirname, '../../../src/cli/bin.mjs');

/** The first decides, before anything is moved; the second remembers what was. */
export const HOOKS = ['pre-receive', 'post-receive'] as const;
export type HookName = (typeof HOOKS)[number];

/** Where git looks for the hooks of a repository: `core.hooksPath` may say elsewhere. */
export async function hooksFolder(gitdir: string): Promise<string> {
  const folder = await need('git', ['-C', gitdir, 'rev-parse', '--git-path', 'hooks']);
  return resolve(gitdir, folder);
}

/** A shell script of one command, each word between single quotes: nothing in it is ever expanded. */
export function hookScript(name: HookName, args: readonly string[]): string {
  const words = [process.execPath, BIN, 'hook', name, ...args];
  return `#!/bin/sh\n${MARK}\nexec ${words.map(quoted).join(' ')}\n`;
}

/** For a shell: nothing in it is expanded. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Throws Failure hook-foreign where somebody else's hook stands there. */
export async function writeHook(file: string, script: string): Promise<'written' | 'same'> {
  const found = await ours(file);
  if (found === script) return 'same';
  await mkdir(dirname(file), { recursive: true });
  // A push may come at any moment: git finds the old hook or the new one, whole.
  const draft = `${file}.${process.pid}.tmp`;
  await writeFile(draft, script, { mode: 0o755, flag: 'wx' });
  await rename(draft, file);
  return 'written';
}

/** Whether there was one. Throws Failure hook-foreign. */
export async function removeHook(file: string): Promise<'removed' | 'absent'> {
  if ((await ours(file)) === null) return 'absent';
  await rm(file);
  return 'removed';
}

/** Its text, null where there is none. Throws Failure hook-foreign where it is somebody else's. */
export async function ours(file: string): Promise<string | null> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new Failure('hook-unreadable', `${file}: ${error.message}`, 'check the folder and its rights');
  });
  if (text === null || text.split('\n')[1] === MARK) return text;
  const call = `fairlead hook ${basename(file)}`;
  const fix = `let that hook call \`${call}\` with its own standard input, or take it away`;
  throw new Failure('hook-foreign', `${file} is not ours, and stays as it is`, fix);
}

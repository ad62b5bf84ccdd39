import { opendir, readFile, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Failure } from '../../base/failure.ts';
import { byCodeUnit } from '../../base/order.ts';
import type { Context } from '../context.ts';

/** A file of this machine; `path` as people see it from where they are. */
export type LocalFile = { readonly path: string; readonly bytes: Uint8Array };

const MAX_FILE_BYTES = 64 * 1024 * 1024;
const MAX_FILES = 20_000;

/** Standard input where manifests are read. */
const STDIN = '<stdin>';

/** The manifests at `paths`, folders with all below; `-` is standard input. Throws Failure path-unreadable. */
export async function readPaths(context: Context, paths: readonly string[]): Promise<readonly LocalFile[]> {
  const found = new Map<string, LocalFile>();
  for (const path of paths) {
    const files = path === '-' ? [await readStdin(context)] : await readPath(context, path);
    for (const file of files) found.set(file.path, file);
  }
  return [...found.values()].sort((left, right) => byCodeUnit(left.path, right.path));
}

async function readStdin({ stdin }: Context): Promise<LocalFile> {
  return { path: STDIN, bytes: await buffer(stdin) };
}

async function readPath({ cwd }: Context, path: string): Promise<readonly LocalFile[]> {
  const whole = resolve(cwd, path);
  const about = await stat(whole).catch((cause: Error) => {
    throw unreadable(path, cause.message);
  });
  const all = about.isDirectory() ? await below(whole, path) : [whole];
  return Promise.all(all.map((file) => readOne(cwd, file)));
}

async function readOne(cwd: string, file: string): Promise<LocalFile> {
  const { size } = await stat(file);
  if (size > MAX_FILE_BYTES) throw unreadable(file, `it has ${size} bytes`);
  return { path: relative(cwd, file), bytes: await readFile(file) };
}

/** YAML and JSON, but nothing that git or a package manager keeps for itself; links are not followed. */
async function below(folder: string, said: string): Promise<readonly string[]> {
  const found: string[] = [];
  const folders = [folder];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for await (const entry of await opendir(next)) {
      const path = join(next, entry.name);
      if (entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
        folders.push(path);
      else if (entry.isFile() && /\.(yaml|yml|json)$/i.test(entry.name)) found.push(path);
      if (found.length > MAX_FILES) throw unreadable(said, `it has more than ${MAX_FILES} manifests`);
    }
  }
  return found;
}

function unreadable(path: string, reason: string): Failure {
  return new Failure(
    'path-unreadable',
    `${path}: ${reason}`,
    'name a file, a folder, or - for standard input',
  );
}

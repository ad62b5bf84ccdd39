import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const root = join(import.meta.dirname, '../../src');

export type Import = {
  readonly from: string;
  readonly to: string;
  readonly line: string;
  readonly inside: boolean;
};

/** Every source file below `src/` that is not generated, relative to it. */
export function sourceFiles(): readonly string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('generated/'))
    .sort();
}

export function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** Static and dynamic imports and re-exports of a file; relative ones resolved against `src/`. */
export function importsOf(file: string): readonly Import[] {
  const found: Import[] = [];
  for (const match of read(file).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)) {
    const [line, target = ''] = match;
    const inside = target.startsWith('.');
    const to = inside ? relative(root, resolve(root, dirname(file), target)) : target;
    found.push({ from: file, to, line, inside });
  }
  return found;
}

/** The room of a file: its first folder, or the file itself at the top. */
export function roomOf(file: string): string {
  return file.split('/')[0] ?? file;
}

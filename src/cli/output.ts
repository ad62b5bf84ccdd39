import { InvalidArgumentError, Option } from 'commander';
import { stringify } from 'yaml';
import type { Context } from './context.ts';
import { visible } from './terminal.ts';

/** `wide` is a table with more columns, where a command has more; `short` is istioctl's word for a table. */
const FORMATS = ['table', 'short', 'wide', 'json', 'yaml'] as const;
export type Format = (typeof FORMATS)[number];

/** What `-o json|yaml` prints: plain data that says what it is. */
export type Document = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly [field: string]: unknown;
};

export const API_VERSION = 'fairlead.dev/v1alpha1';

export function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print').choices(FORMATS).default('table');
}

/** Prints a document in the wanted format; `table` is called only where people read it. */
export function print(context: Context, format: Format, document: Document, table: () => string): void {
  if (format === 'json') context.terminal.out(`${JSON.stringify(document, null, 2)}\n`);
  else if (format === 'yaml') context.terminal.out(stringify(document));
  else context.terminal.out(visible(table()));
}

/** Columns padded to their widest cell, two spaces apart, no trailing spaces. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return `${all.map(line).join('\n')}\n`;
}

/** What commands say fits into 80 columns with room for the mark of a quotation. */
const WIDTH = 74;

/**
 * Breaks text at single spaces: no line wider than `width` columns, each after the first begins with `indent`. What stands on
 * lines of its own already stays so.
 */
export function wrap(text: string, indent: string, width = WIDTH): string {
  const lines: string[] = [];
  for (const [at, own] of text.split('\n').entries()) {
    const [first = '', ...words] = own.split(/(?<=\S) (?=\S)/);
    lines.push(at === 0 ? first : indent + first);
    for (const word of words) {
      const longer = `${lines.at(-1)} ${word}`;
      if (longer.length <= width) lines[lines.length - 1] = longer;
      else lines.push(indent + word);
    }
  }
  return lines.join('\n');
}

/** An id or digest as people compare it: its first ten hex digits. */
export function short(id: string | null): string {
  return id === null ? '-' : id.slice(0, 10);
}

/** A positive integer option. */
export function integer(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('a positive integer is expected');
  return Number(text);
}

/** Of an option that may be given several times. */
export function several(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

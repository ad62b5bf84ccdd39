import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { manifestCodes, manifestWarnings } from '../manifests/index.ts';
import { meshCodes, meshWarnings } from '../mesh/index.ts';

/** What `docs/problems.md` and the code's own page say of it. */
export type CodePage = {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly title: string;
  /** What it is about, and what becomes of the manifest. */
  readonly about: string;
  readonly fix: string;
  /** Markdown: why it is wrong, an example, and the same example mended. */
  readonly page: string;
};

const PAGES = join(import.meta.dirname, '../../docs/problems');

const warned: ReadonlySet<string> = new Set([...manifestWarnings, ...meshWarnings]);
const all: Readonly<Record<string, { readonly title: string; readonly fix: string }>> = {
  ...manifestCodes,
  ...meshCodes,
};

/** By the beginning of a code: what all of them are about. */
const subjects: Readonly<Record<string, string>> = {
  FL20: 'the text of a file',
  FL21: 'a document and its kind',
  FL22: 'rules between fields and documents',
  FL31: 'who owns a name',
  FL32: 'two manifests that contradict each other',
  FL33: 'what a manifest refers to',
  FL34: 'what does nothing',
};

/** Null where no problem has the code. */
export async function codePage(written: string): Promise<CodePage | null> {
  const code = written.toUpperCase();
  const found = all[code];
  if (found === undefined) return null;
  const severity = warned.has(code) ? 'warning' : 'error';
  const subject = subjects[code.slice(0, 4)] ?? 'a manifest';
  const about = `It is about ${subject}. ${consequence(code, severity)}`;
  const text = await readFile(join(PAGES, `${code}.md`), 'utf8');
  return { code, severity, ...found, about, page: text.replace(/^# .*\n+/, '') };
}

function consequence(code: string, severity: CodePage['severity']): string {
  if (severity === 'warning') return 'The manifest is honoured, but perhaps not as its author expects.';
  if (code.startsWith('FL2')) return 'The document is left out, and nothing else.';
  return 'What it points at is not served as it is written, and nothing else is touched.';
}

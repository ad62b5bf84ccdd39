import { createHash } from 'node:crypto';

/** One small change of a source file. */
export type Mutant = {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly before: string;
  readonly after: string;
  readonly text: string;
};

/** What a careless or hostile edit might do to a condition; each pair is tried wherever the first stands. */
const SWAPS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/ === /g, ' !== '],
  [/ !== /g, ' === '],
  [/ < /g, ' <= '],
  [/ <= /g, ' < '],
  [/ > /g, ' >= '],
  [/ >= /g, ' > '],
  [/ && /g, ' || '],
  [/ \|\| /g, ' && '],
  [/ \+ 1\b/g, ' + 0'],
  [/ - 1\b/g, ' - 0'],
  [/\btrue\b/g, 'false'],
  [/\bfalse\b/g, 'true'],
  [/\.some\(/g, '.every('],
  [/\.every\(/g, '.some('],
  [/Math\.max\(/g, 'Math.min('],
  [/Math\.min\(/g, 'Math.max('],
  [/\bif \((?=[^)])/g, 'if (false && '],
  [/ \?\? /g, ' && '],
  [/(?<=[(\s])!(?=[a-z(])/g, ''],
];

/** Every mutant of one file; code only, neither comments nor types nor imports. */
export function mutantsOf(file: string, source: string): readonly Mutant[] {
  const lines = source.split('\n');
  const found: Mutant[] = [];
  let isComment = false;
  let isType = false;
  for (const [at, text] of lines.entries()) {
    if (/^\s*\/\*/.test(text)) isComment = true;
    const isCode = !isComment && !isType && !/^\s*(?:\/\/|import\b|export (?:type )?\{|} from )/.test(text);
    if (/^(?:export )?(?:type|interface) /.test(text)) isType = !/;\s*$|\}\s*$/.test(text);
    else if (isType && /^(?:\}|.*;$)/.test(text) && !text.startsWith(' ')) isType = false;
    if (text.includes('*/')) isComment = false;
    if (isCode && !/^(?:export )?(?:type|interface) /.test(text))
      found.push(...mutantsOfLine(file, lines, at));
  }
  return found;
}

function mutantsOfLine(file: string, lines: readonly string[], at: number): readonly Mutant[] {
  const before = lines[at] ?? '';
  return SWAPS.flatMap(([pattern, replacement]) =>
    [...before.matchAll(pattern)].map(({ index, 0: match }) => {
      const after = before.slice(0, index) + replacement + before.slice(index + match.length);
      return { file, line: at + 1, before, after, text: lines.with(at, after).join('\n') };
    }),
  );
}

/** `count` of them, spread evenly, by the seed alone. */
export function sampleOf(all: readonly Mutant[], count: number, seed: string): readonly Mutant[] {
  const key = ({ file, line, after }: Mutant) =>
    createHash('sha256').update(`${seed} ${file} ${line} ${after}`).digest('hex');
  return all
    .map((mutant) => ({ mutant, key: key(mutant) }))
    .sort((left, right) => (left.key < right.key ? -1 : 1))
    .slice(0, count)
    .map(({ mutant }) => mutant);
}

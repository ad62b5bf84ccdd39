import { RE2JS } from 're2js';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';

/** Of the compiled expression. Envoy counts bytes where this counts characters: up to 15 steps for one. */
const maxSteps = 1000;

/** Classes of characters that RE2 knows and that have some of the first 256, all that Envoy's expressions see. */
const classes: ReadonlySet<string> = new Set(
  'Any Common Latin C Cc Cf L Ll Lo Lu N Nd No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zs'.split(' '),
);

const escapes =
  /\\Q.*?(?:\\E|$)|\\[pP](?:\{\^?(?<long>[^}]*)\}|(?<short>.))|\\x\{(?<number>[0-9A-Fa-f]+)\}|\\./gsu;

/**
 * An expression that Envoy would refuse (RE2's syntax: no look-around, no back-references, at most 1000 repetitions; not too large).
 * It has to be found here: Envoy would refuse it together with all other routes of the table.
 */
export function* checkRegex(regex: string | undefined, path: Path): Generator<Finding> {
  if (regex === undefined) return;
  const read = readRegex(regex);
  if ('reason' in read) yield { code: 'FL2211', message: `${regex} is not RE2: ${read.reason}`, path };
}

/** Whether an expression that `checkRegex` lets pass is somewhere in a text. */
export function fitsRegex(regex: string, text: string): boolean {
  return RE2JS.compile(regex).matcher(text).find();
}

/** What takes the place of a match: `\1` is a group of it, `\\` a backslash. */
export function* checkSubstitution(regex: string, substitution: string, path: Path): Generator<Finding> {
  const read = readRegex(regex);
  if ('reason' in read) return;
  for (const [reference, name = ''] of substitution.matchAll(/\\(.?)/gs)) {
    if (name === '\\' || (/[0-9]/.test(name) && Number(name) <= read.groups)) continue;
    const message = `${reference} is no group of ${regex}, which has ${read.groups}`;
    yield {
      code: 'FL2109',
      message,
      path,
      fix: 'name a group from \\0 to \\9, or write \\\\ for a backslash',
    };
  }
}

function readRegex(
  regex: string,
): { readonly groups: number; readonly steps: number } | { readonly reason: string } {
  try {
    const compiled = RE2JS.compile(regex);
    const steps = compiled.programSize();
    if (steps > maxSteps) return { reason: `it has ${steps} steps, and may have ${maxSteps}` };
    const beyond = beyondBytes(regex);
    if (beyond !== undefined) return { reason: `Envoy compares bytes, and knows no ${beyond}` };
    return { groups: compiled.groupCount(), steps };
  } catch (error) {
    return { reason: (error as Error).message.replace(/^error parsing regexp: /, '') };
  }
}

/** What one character may cost that is none of ASCII's own, as it is compiled to bytes. */
const wideSteps = 12;

/**
 * An upper bound for the steps of an expression where it is compiled for UTF-8, as in CEL; or, as a text, what is wrong
 * with it.
 */
export function regexSteps(regex: string): number | string {
  const read = readRegex(regex);
  if ('reason' in read) return read.reason;
  const wide = regex.match(/\.|\[\^|\\[DWSPp]|[^\p{ASCII}]/gu)?.length ?? 0;
  const repeated = [...regex.matchAll(/\{(\d+)(?:,(\d*))?\}/g)].map(([, least, most]) =>
    Number(most || least),
  );
  const times = repeated.reduce((product, count) => product * Math.max(count, 1), 1);
  return (read.steps + wide * wideSteps * times) * (/\(\?[a-z]*i/.test(regex) ? 4 : 1);
}

/** The first class or character of an expression that no byte is of. */
function beyondBytes(regex: string): string | undefined {
  const all = [...regex.matchAll(escapes)];
  return all.find(({ groups: { long, short, number } = {} }) => {
    const name = long ?? short;
    return (name !== undefined && !classes.has(name)) || Number.parseInt(number ?? '0', 16) > 0xff;
  })?.[0];
}

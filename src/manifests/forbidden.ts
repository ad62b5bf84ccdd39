import type { CST } from 'yaml';
import type { Code } from './codes.ts';

const maxDepth = 64;

export type OffsetProblem = { readonly code: Code; readonly message: string; readonly offset: number };
type Kept = {
  readonly kept: readonly CST.Token[];
  readonly problems: readonly OffsetProblem[];
  /** The last directive's document begins after these tokens. */
  readonly endsInDirective: boolean;
};

/**
 * Takes out the documents that use YAML anchors, aliases, tags or directives or nest too deeply, before anything
 * recursive sees them (G12): the tokens are walked with a stack of our own. One problem per document, the first. Of errors in a
 * row the first is kept: a file may be nothing but errors, and each takes more memory than what it is about.
 */
export function findForbidden(tokens: readonly CST.Token[]): Kept {
  const kept: CST.Token[] = [];
  const problems: OffsetProblem[] = [];
  let directive: OffsetProblem | null = null;
  for (const token of tokens) {
    if (token.type === 'directive') {
      directive ??= { code: 'FL2013', message: `directive ${token.source}`, offset: token.offset };
    } else if (token.type === 'document') {
      const problem = directive ?? inDocument(token);
      if (problem === null) kept.push(token);
      else problems.push(problem);
      directive = null;
    } else if (token.type !== 'error' || kept.at(-1)?.type !== 'error') kept.push(token);
  }
  if (directive !== null) problems.push(directive);
  return { kept, problems, endsInDirective: directive !== null };
}

/** `around`: where the nearest collection around it begins; an item itself does not say where it stands. */
type Step = { readonly token: unknown; readonly depth: number; readonly around: number };

function inDocument(document: CST.Document): OffsetProblem | null {
  const steps: Step[] = [{ token: document, depth: 0, around: document.offset }];
  for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
    const problem = inToken(step);
    if (problem !== null) return problem;
    pushBelow(steps, step);
  }
  return null;
}

function inToken({ token, depth, around }: Step): OffsetProblem | null {
  const { type, source, offset } = token as { type?: string; source?: string; offset?: number };
  const at = offset ?? around;
  if (depth > maxDepth) return { code: 'FL2008', message: `more than ${maxDepth} levels`, offset: at };
  if (type === 'anchor' || type === 'alias')
    return { code: 'FL2004', message: `${type} ${source}`, offset: at };
  if (type === 'tag') return { code: 'FL2005', message: `tag ${source}`, offset: at };
  return null;
}

/** What stands inside a token, so that the first is popped first: a document's value, a collection's items, an item's parts. */
function pushBelow(steps: Step[], { token, depth, around: outer }: Step): void {
  const { start, key, sep, value, items, offset } = token as Readonly<Record<string, unknown>>;
  const around = typeof offset === 'number' ? offset : outer;
  if (Array.isArray(items)) {
    for (const item of items.toReversed()) steps.push({ token: item, depth: depth + 1, around });
  }
  for (const part of [value, sep, key, start]) {
    if (Array.isArray(part)) {
      for (const one of part.toReversed()) if (isTelling(one)) steps.push({ token: one, depth, around });
    } else if (isTelling(part)) steps.push({ token: part, depth, around });
  }
}

/** Most tokens are neither forbidden nor hold others: plain text, spaces, commas. */
function isTelling(token: unknown): boolean {
  if (token === null || typeof token !== 'object') return false;
  const { type } = token as { type?: string };
  return 'items' in token || 'value' in token || type === 'anchor' || type === 'alias' || type === 'tag';
}

import { type Marks, marks } from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';

const none: Marks = {};

/** The fields of a document of `kind` that are read over, as its schema marks them: not honoured yet, or not ours. */
export function asidesOf(kind: string, document: unknown, path: Path = []): Generator<Finding> {
  return below(document, marks[kind] ?? none, path);
}

function* below(value: unknown, tree: Marks, path: Path): Generator<Finding> {
  if (value === null || typeof value !== 'object') return;
  for (const [field, inner] of Object.entries(value)) {
    const mark = (Object.hasOwn(tree, field) ? tree[field] : tree['*']) ?? none;
    const at = [...path, Array.isArray(value) ? Number(field) : field];
    if (mark === 'later') yield notHonoured(field, at);
    else if (mark === 'elsewhere') yield notOurs(field, at);
    else yield* below(inner, mark, at);
  }
}

function notHonoured(field: string, path: Path): Finding {
  const message = `Fairlead knows ${field}, but does not honour it yet`;
  return { code: 'FL2285', message, path, on: 'key' };
}

export function notOurs(field: string, path: Path): Finding {
  return { code: 'FL2280', message: `${field} does nothing here`, path, on: 'key' };
}

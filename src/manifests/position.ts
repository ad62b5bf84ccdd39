import { isCollection, isMap, isPair, isScalar, isSeq, type LineCounter, type Node, type Pair } from 'yaml';
import type { Path, Position } from './types.ts';

/** Where offsets count from, and the counter that knows the lines of the whole file. */
export type Place = { readonly lines: LineCounter; readonly base: number };
/** A document's root node. */
type Located = Place & { readonly root: Node };

/** Position of the value at `path`; of the key for values that are collections; else of the nearest thing above. */
export function positionOf(located: Located, path: Path): Position {
  return positionAt(located, offsetOf(located.root, path, 'value'));
}

/** Position of the key at `path`: what unknown fields point at. */
export function keyPositionOf(located: Located, path: Path): Position {
  return positionAt(located, offsetOf(located.root, path, 'key'));
}

export function positionAt({ lines, base }: Place, offset: number): Position {
  const { line, col } = lines.linePos(base + offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

function offsetOf(root: Node, path: Path, prefer: 'key' | 'value'): number {
  let offset = startOf(root) ?? 0;
  let node: unknown = root;
  for (const [index, step] of path.entries()) {
    const found = child(node, step);
    if (found === null) return offset;
    node = isPair(found) ? found.value : found;
    const onKey = isPair(found) && (isCollection(node) || (prefer === 'key' && index === path.length - 1));
    offset =
      (onKey ? startOf(found.key) : (startOf(node) ?? (isPair(found) ? startOf(found.key) : null))) ?? offset;
  }
  return offset;
}

function child(node: unknown, step: string | number): Pair | Node | null {
  if (isMap(node))
    return node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step)) ?? null;
  if (isSeq(node) && typeof step === 'number') return (node.items[step] as Node | undefined) ?? null;
  return null;
}

function startOf(node: unknown): number | null {
  return (node as Node | null)?.range?.[0] ?? null;
}

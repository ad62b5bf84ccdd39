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

/** Where the collections of a document stand. It holds no nodes, so that it may be kept with what was read. */
export type Outline = Place & { readonly offsets: ReadonlyMap<string, number> };

/** Deeper than `spec.subsets[0].trafficPolicy` stands nothing that a mesh without mistakes asks for. */
const OUTLINED = 4;
/** Of a document that has more, the rest is looked for when somebody asks. */
const MAX_OUTLINED = 4_096;

export function outlineOf({ root, lines, base }: Located): Outline {
  const offsets = new Map<string, number>();
  const note = (node: unknown, path: Path, offset: number) => {
    if (offsets.size >= MAX_OUTLINED) return;
    offsets.set(JSON.stringify(path), offset);
    if (path.length === OUTLINED) return;
    if (isMap(node))
      for (const { key, value } of node.items)
        if (isCollection(value)) note(value, [...path, nameOf(key)], startOf(key) ?? offset);
    if (isSeq(node))
      for (const [index, item] of node.items.entries())
        if (isCollection(item)) note(item, [...path, index], startOf(item) ?? offset);
  };
  note(root, [], startOf(root) ?? 0);
  return { lines, base, offsets };
}

/** As `positionOf` has it; null: it is not in the outline. */
export function outlinedAt({ lines, base, offsets }: Outline, path: Path): Position | null {
  const offset = offsets.get(JSON.stringify(path));
  return offset === undefined ? null : positionAt({ lines, base }, offset);
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
  if (isMap(node)) return node.items.find(({ key }) => isScalar(key) && nameOf(key) === String(step)) ?? null;
  if (isSeq(node) && typeof step === 'number') return (node.items[step] as Node | undefined) ?? null;
  return null;
}

/** Of a key that is no text nobody asks: the document is refused. */
function nameOf(key: unknown): string {
  return isScalar(key) ? String(key.value) : '';
}

function startOf(node: unknown): number | null {
  return (node as Node | null)?.range?.[0] ?? null;
}

import { sha256 } from '../base/digest.ts';
import { CAPS } from './caps.ts';
import { nullIfMalformed } from './failures.ts';
import { Lru } from './lru.ts';
import type { Mask } from './mask.ts';
import { printable, treeProblem } from './names.ts';
import type { ObjectId, Objects, TreeEntry } from './objects.ts';
import { DIRECTORY, shapeOf } from './tree.ts';

/** Which rule a tree breaks, at which path, and how. */
export type TreeRefusal = {
  readonly ok: false;
  readonly rule: 'G10' | 'G17';
  /** Continues the path: "is executable". */
  readonly reason: string;
  readonly path: string;
};

type Content = { readonly sha256: string; readonly size: number };
type Child =
  | ({ readonly kind: 'file'; readonly name: string; readonly blob: ObjectId } & Content)
  | { readonly kind: 'directory'; readonly name: string; readonly tree: OwnTree };

/** A directory without what is masked. It does not know its own path, so one value serves every place and commit. */
export type OwnTree = {
  readonly children: readonly Child[];
  readonly files: number;
  readonly bytes: number;
  /** Levels of entries, masked ones too: 0 for an empty tree. */
  readonly height: number;
};

/** Where the walk stands: the path for people, the levels above, and what is masked below (relative paths). */
type Place = { readonly path: string; readonly depth: number; readonly mask: Mask };

/** Reads directories by G10 and the caps; memoised by (tree id, mask below it). */
export function createOwnTrees(objects: Objects): {
  read(id: ObjectId, mask: Mask): Promise<OwnTree | TreeRefusal>;
} {
  const trees = new Lru<string, OwnTree>(REMEMBERED_ENTRIES);
  const contents = new Lru<ObjectId, Content | 'none'>(REMEMBERED_ENTRIES);

  async function readTree(id: ObjectId, place: Place): Promise<OwnTree | TreeRefusal> {
    const key = maskedKey(id, place.mask);
    const known = trees.get(key);
    // A known tree that is too deep here is walked again, so that the refusal names the same path as without memory.
    if (known !== undefined && place.depth + known.height <= CAPS.pathDepth) return known;
    const entries = await nullIfMalformed(objects.tree(id));
    if (entries === null) return refusal('G10', place.path, 'is not a well-formed directory');
    const own = judge(entries, place) ?? (await readChildren(entries, place));
    if (!('ok' in own)) trees.set(key, own, 1 + own.children.length);
    return own;
  }

  async function readChildren(entries: readonly TreeEntry[], place: Place): Promise<OwnTree | TreeRefusal> {
    const children: Child[] = [];
    let [files, bytes, height] = [0, 0, entries.length === 0 ? 0 : 1];
    for (const entry of unmasked(entries, place.mask)) {
      const child = await readChild(entry, place, place.mask.below(entry.name));
      if ('ok' in child) return child;
      // A directory without a file has no line in the digest: kept, it could multiply beyond every cap.
      if (child.kind === 'file' || child.tree.files > 0) children.push(child);
      files += child.kind === 'file' ? 1 : child.tree.files;
      bytes += child.kind === 'file' ? child.size : child.tree.bytes;
      height = Math.max(height, child.kind === 'file' ? 1 : 1 + child.tree.height);
      const excess = sizeProblem(files, bytes);
      if (excess !== null) return refusal('G17', at(place, entry), excess);
    }
    return { children, files, bytes, height };
  }

  async function readChild(entry: TreeEntry, place: Place, mask: Mask): Promise<Child | TreeRefusal> {
    const { name } = entry;
    if (entry.mode !== DIRECTORY) return readFile(entry, name, place);
    const tree = await readTree(entry.id, { path: at(place, entry), depth: place.depth + 1, mask });
    return 'ok' in tree ? tree : { kind: 'directory', name, tree };
  }

  async function readFile(entry: TreeEntry, name: string, place: Place): Promise<Child | TreeRefusal> {
    const content = contents.get(entry.id) ?? (await readContent(entry.id));
    if (content === 'none')
      return refusal('G10', at(place, entry), 'is not a file, or far larger than one may be');
    if (content.size > CAPS.fileBytes) {
      return refusal('G17', at(place, entry), `has ${content.size} bytes; a file may have ${CAPS.fileBytes}`);
    }
    return { kind: 'file', name, blob: entry.id, ...content };
  }

  async function readContent(blob: ObjectId): Promise<Content | 'none'> {
    const bytes = await nullIfMalformed(objects.blob(blob));
    const content = bytes === null ? 'none' : { sha256: sha256(bytes), size: bytes.length };
    contents.set(blob, content);
    return content;
  }

  return { read: (id, mask) => readTree(id, { path: '', depth: 0, mask }) };
}

const REMEMBERED_ENTRIES = 200_000;

/** Which entries of trees of one shape are not left out, by mask. */
const left = new WeakMap<Mask, WeakMap<object, readonly number[]>>();

/** All but the directories that are left out. */
function unmasked(entries: readonly TreeEntry[], mask: Mask): readonly TreeEntry[] {
  if (mask.key === '') return entries;
  const byShape = left.get(mask) ?? new WeakMap<object, readonly number[]>();
  left.set(mask, byShape);
  const shape = shapeOf(entries);
  const isLeft = ({ mode, name }: TreeEntry) => mode !== DIRECTORY || !mask.below(name).isWhole;
  const found = byShape.get(shape) ?? entries.flatMap((entry, index) => (isLeft(entry) ? [index] : []));
  byShape.set(shape, found);
  return found.flatMap((index) => entries[index] ?? []);
}

/** Names a tree without what is masked. */
export function maskedKey(id: ObjectId, { key }: Mask): string {
  return key === '' ? id : `${id} ${key}`;
}

/** The cheap checks, before anything below is read. */
function judge(entries: readonly TreeEntry[], place: Place): TreeRefusal | null {
  const [first] = entries;
  if (entries.length > CAPS.entriesPerTree) {
    return refusal(
      'G17',
      place.path,
      `has ${entries.length} entries; a directory may have ${CAPS.entriesPerTree}`,
    );
  }
  if (first !== undefined && place.depth >= CAPS.pathDepth) {
    return refusal('G17', at(place, first), `is more than ${CAPS.pathDepth} levels deep`);
  }
  const problem = treeProblem(entries);
  return problem === null ? null : refusal('G10', at(place, problem.entry), problem.reason);
}

function sizeProblem(files: number, bytes: number): string | null {
  if (files > CAPS.ownFiles) return `brings the scope over ${CAPS.ownFiles} files`;
  return bytes > CAPS.ownBytes ? `brings the scope over ${CAPS.ownBytes} bytes` : null;
}

function at(place: Place, entry: TreeEntry): string {
  return place.path === '' ? printable(entry.name) : `${place.path}/${printable(entry.name)}`;
}

function refusal(rule: 'G10' | 'G17', path: string, reason: string): TreeRefusal {
  return { ok: false, rule, reason, path };
}

import { createHash } from 'node:crypto';
import type { Files } from './history.ts';
import { type DelegationRecord, parseRecords } from './policy.ts';

/** own(S, x): what stands at a scope's place, or null for ⊥. */
export type Own = {
  readonly digest: string;
  /** By path within the scope. */
  readonly files: Files;
  readonly records: readonly DelegationRecord[];
};

export function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Where a scope's directory is in the repository; '' is the root scope. */
export function join(place: string, below: string): string {
  return place === '' ? below : `${place}/${below}`;
}

/** All files below a place, the masked ones too. */
export function filesAt(files: Files, place: string): Files {
  const prefix = place === '' ? 'mesh/' : `mesh/${place}/`;
  const inside = [...files].filter(([path]) => path.startsWith(prefix));
  return new Map(inside.map(([path, text]) => [path.slice(prefix.length), text]));
}

export function own(files: Files, place: string): Own | null {
  const known = read.get(files) ?? new Map<string, Own | null>();
  read.set(files, known);
  const found = known.has(place) ? (known.get(place) ?? null) : readOwn(files, place);
  known.set(place, found);
  return found;
}

/** Hashing the same files again would only be slow. */
const read = new WeakMap<Files, Map<string, Own | null>>();

function readOwn(files: Files, place: string): Own | null {
  const all = filesAt(files, place);
  if (all.size === 0) return null;
  const records = parseRecords(all.get('delegations.yaml'));
  if (records === null || [...all.keys()].some((path) => path.startsWith('delegations.yaml/'))) return null;
  const masks = records.flatMap(({ path }) => (path === null ? [] : [path]));
  const mine = [...all].filter(([path]) => !masks.some((mask) => path.startsWith(`${mask}/`)));
  const names = mine.map(([path]) => path);
  const maskedNames = masks.filter((mask) => [...all.keys()].some((path) => path.startsWith(`${mask}/`)));
  if (!areNamesAllowed([...names, ...maskedNames])) return null;
  const sorted = mine.sort(([left], [right]) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
  const lines = sorted.map(([path, text]) => `100644 ${path}\0${hash(text)}\n`);
  return { digest: hash(`fairlead-own-1\0${lines.join('')}`), files: new Map(sorted), records };
}

/** G10, as far as the generators go: characters, `.git`, and no two names of one directory that fold together. */
function areNamesAllowed(paths: readonly string[]): boolean {
  const byFolded = new Map<string, string>();
  for (const path of paths) {
    const names = path.split('/');
    for (const [depth, name] of names.entries()) {
      if (!/^[A-Za-z0-9._@+=,() -]{1,255}$/.test(name)) return false;
      if (name.toLowerCase() === '.git' || name.toLowerCase() === '.gitmodules') return false;
      const above = names.slice(0, depth + 1).join('/');
      const folded = above.toLowerCase();
      if ((byFolded.get(folded) ?? above) !== above) return false;
      byFolded.set(folded, above);
    }
  }
  return true;
}

/** The uid of a scope whose first mutation this is. */
export function uidOf({ files }: Own): string {
  return hash(`fairlead-uid-1\0${files.get('scope.yaml') ?? ''}`);
}

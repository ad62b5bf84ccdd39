import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { gitEnvironment, run } from '../repository.ts';

export type Entry = { readonly name: string; readonly id: string; readonly mode: '40000' | '100644' };

const TYPES = { commit: 1, tree: 2, blob: 3 } as const;

/** Git objects on their way into one pack: thousands of commits without a process each. */
export class Pack {
  readonly #parts: Buffer[] = [];
  readonly #known = new Set<string>();

  put(type: keyof typeof TYPES, content: string | Uint8Array): string {
    const bytes = Buffer.from(content);
    const id = createHash('sha1').update(`${type} ${bytes.length}\0`).update(bytes).digest('hex');
    if (this.#known.has(id)) return id;
    this.#known.add(id);
    this.#parts.push(Buffer.concat([header(TYPES[type], bytes.length), deflateSync(bytes, { level: 1 })]));
    return id;
  }

  /** Entries in any order; git's own is by bytes, a directory as if its name ended in `/`. */
  tree(entries: readonly Entry[]): string {
    const key = ({ name, mode }: Entry) => Buffer.from(mode === '40000' ? `${name}/` : name);
    const sorted = entries.toSorted((left, right) => Buffer.compare(key(left), key(right)));
    return this.put('tree', Buffer.concat(sorted.map(encodeEntry)));
  }

  /** Tree of plain files, paths with folders as they come. */
  folder(files: Readonly<Record<string, string>>): string {
    const entries: Entry[] = [];
    const inside = new Map<string, Record<string, string>>();
    for (const [path, text] of Object.entries(files)) {
      const [name = '', ...rest] = path.split('/');
      if (rest.length === 0) entries.push({ name, mode: '100644', id: this.put('blob', text) });
      else inside.set(name, { ...inside.get(name), [rest.join('/')]: text });
    }
    for (const [name, below] of inside) entries.push({ name, mode: '40000', id: this.folder(below) });
    return this.tree(entries);
  }

  /** Writes a bare repository whose `main` is `tip`, packed with deltas as git itself packs. */
  async write(gitdir: string, tip: string): Promise<void> {
    const git = (...args: readonly string[]) => run('git', ['-C', gitdir, ...args], { env: gitEnvironment });
    await run('git', ['init', '--quiet', '--bare', '--initial-branch=main', gitdir], { env: gitEnvironment });
    await mkdir(join(gitdir, 'objects', 'pack'), { recursive: true });
    const bytes = this.#bytes();
    // By any other name `repack` would leave it there.
    const file = join(gitdir, 'objects', 'pack', `pack-${bytes.toString('hex', bytes.length - 20)}.pack`);
    await writeFile(file, bytes);
    await git('index-pack', file);
    await git('update-ref', 'refs/heads/main', tip);
    await git('repack', '-a', '-d', '-q', '-f');
  }

  #bytes(): Buffer {
    const head = Buffer.alloc(12);
    head.write('PACK');
    head.writeUInt32BE(2, 4);
    head.writeUInt32BE(this.#parts.length, 8);
    const body = Buffer.concat([head, ...this.#parts]);
    return Buffer.concat([body, createHash('sha1').update(body).digest()]);
  }
}

function encodeEntry({ mode, name, id }: Entry): Buffer {
  return Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')]);
}

/** Type and length of a packed object (gitformat-pack): four bits of length, then seven in each byte. */
export function header(type: number, length: number): Buffer {
  const bytes: number[] = [];
  let rest = Math.floor(length / 16);
  let byte = (type << 4) | (length % 16);
  for (; rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push(byte | 0x80);
    byte = rest % 128;
  }
  return Buffer.from([...bytes, byte]);
}

import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { sha256 } from '../../src/base/digest.ts';
import { Failure } from '../../src/base/failure.ts';
import {
  createTreeDigests,
  type ObjectId,
  type Objects,
  parseCommit,
  parseTree,
} from '../../src/git/index.ts';
import { type LineState, makePin, openLine, type Pin, type ScopeState } from '../../src/governance/index.ts';
import { type Ruleset, ruleset1 } from '../../src/policy/index.ts';
import {
  formatApproval,
  formatToken,
  formatWithdrawal,
  groupDigest,
  tokenBytes,
} from '../../src/votes/index.ts';

/**
 * Histories in memory, in the notation of the attack list: `a ← b,c [S=v] x` is commit a with parents b and c, the
 * value v in scope S (or, with `child`, in its child scope C), signed by x. Bytes and signatures are real: raw git
 * objects, Ed25519 SSHSIG.
 */
type Entry = {
  readonly parents?: readonly string[];
  readonly S?: string;
  readonly C?: string;
  /** By path from the root; null takes one away. */
  readonly files?: Readonly<Record<string, string | null>>;
  readonly by?: string;
  /** In place of `by`: the armoured signature of these bytes. */
  readonly sign?: (bytes: Uint8Array) => string;
  readonly message?: string;
  /** A header line that is put behind the signature after signing. */
  readonly header?: string;
};

export type World = {
  readonly objects: Objects;
  readonly ids: Map<string, ObjectId>;
  readonly uid: { readonly S: string; readonly C: string };
  add(name: string, entry: Entry): ObjectId;
  pin(): Promise<Pin>;
  state(tip: string): Promise<LineState>;
  scope(tip: string, which?: 'S' | 'C'): Promise<ScopeState>;
  /** own digest of a scope at a commit. */
  own(name: string, which?: 'S' | 'C'): Promise<string>;
  approve(
    at: string,
    approval: { seq: number; base: string; next: string; round?: number; group?: string },
    which?: 'S' | 'C',
  ): Promise<string>;
  withdraw(seq: number, round?: number, which?: 'S' | 'C'): string;
  /** A message whose words approve several mutations as one group; `base` and `next` are names of commits. */
  approveGroup(
    at: string,
    members: readonly { which: 'S' | 'C'; seq: number; base: string; next: string; round?: number }[],
  ): Promise<string>;
};

type Options = {
  readonly threshold?: number;
  readonly anchors?: readonly AnchorSpec[];
  readonly quorum?: string;
  /** More of the spec of S, in flow style: `limits: { files: 3 }`. */
  readonly more?: string;
  /** More of the spec of C. */
  readonly moreC?: string;
  /** More of the record of C, in flow style. */
  readonly record?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly ruleset?: Ruleset;
};

/** A name, whose key is the one of that name, or an anchor with other keys: names of keys, or lines of `scope.yaml`. */
type AnchorSpec =
  | string
  | { readonly name: string; readonly keys: readonly string[]; readonly type?: string };

export type ScopeSpec = {
  readonly name?: string;
  readonly anchors?: readonly AnchorSpec[];
  readonly quorum?: string;
  readonly owns?: string;
  readonly salt?: string;
  readonly more?: string;
};

export function createWorld(options: Options = {}): World {
  const store = new Map<ObjectId, { readonly type: string; readonly bytes: Uint8Array }>();
  const put = (type: string, bytes: Uint8Array): ObjectId => {
    const id = createHash('sha1').update(`${type} ${bytes.length}\0`).update(bytes).digest('hex');
    store.set(id, { type, bytes });
    return id;
  };
  const get = (id: ObjectId, type: string): Uint8Array => {
    const found = store.get(id);
    if (found?.type !== type) throw new Failure('object-missing', `${type} ${id} is missing`, 'fetch it');
    return found.bytes;
  };
  const objects: Objects = {
    commit: async (id) => parseCommit(id, get(id, 'commit')),
    tree: async (id) => parseTree(id, get(id, 'tree')),
    blob: async (id) => get(id, 'blob'),
  };
  const { files: extra = {}, ruleset = ruleset1 } = options;
  const quorum = options.quorum ?? `{ threshold: ${options.threshold ?? 2} }`;
  const scopeS = scopeYaml({ anchors: options.anchors ?? ['x', 'y', 'z'], quorum, more: options.more ?? '' });
  const scopeC = scopeYaml({ ...childSpec, more: options.moreC ?? '' });
  const uid = { S: sha256('fairlead-uid-1\0', scopeS), C: sha256('fairlead-uid-1\0', scopeC) };
  const ids = new Map<string, ObjectId>();
  const specs = new Map<string, Entry>();
  const digests = createTreeDigests(objects);

  const files = (entry: Entry): Record<string, string | null> => ({
    'mesh/scope.yaml': scopeS,
    'mesh/delegations.yaml': delegationsYaml(uid.C, options.record ?? ''),
    'mesh/v.yaml': entry.S ?? '0',
    'mesh/c/scope.yaml': scopeC,
    'mesh/c/v.yaml': entry.C ?? '0',
    ...extra,
    ...entry.files,
  });
  const pin = async (): Promise<Pin> => {
    const made = await makePin(objects, digests, idOf(ids, 'g'), 'mesh', ruleset);
    if (!made.ok) throw new Error(made.reason);
    return made.pin;
  };
  const world: World = {
    objects,
    ids,
    uid,
    add(name, entry) {
      const parents = (entry.parents ?? []).map((parent) => idOf(ids, parent));
      const first = specs.get(entry.parents?.[0] ?? '');
      const whole = { ...first, ...entry, files: { ...first?.files, ...entry.files } };
      specs.set(name, whole);
      const tree = putTree(put, files(whole));
      const raw = rawCommit(tree, parents, entry.message ?? name, specs.size);
      const sign = entry.sign ?? (entry.by === undefined ? null : signer(entry.by));
      const bytes = sign === null ? raw : signed(raw, sign);
      const id = put('commit', entry.header === undefined ? bytes : withHeader(bytes, entry.header));
      ids.set(name, id);
      return id;
    },
    pin,
    async state(tip) {
      const verdict = await openLine(objects, digests, await pin(), ruleset).state(idOf(ids, tip));
      if (!verdict.ok) throw new Error(verdict.reason);
      return verdict.state;
    },
    async scope(tip, which = 'S') {
      const scope = (await world.state(tip)).scopes.get(uid[which]);
      if (scope === undefined) throw new Error('no such scope');
      return scope;
    },
    async own(name, which = 'S') {
      const line = openLine(objects, digests, await pin(), ruleset);
      const { tree } = await objects.commit(idOf(ids, name));
      const own = await line.owns.own(tree, which === 'S' ? '' : 'c');
      if (!own.ok) throw new Error(own.reason);
      return own.digest;
    },
    async approve(at, { base, next, ...rest }, which = 'S') {
      const [from, to] = [await world.own(base, which), await world.own(next, which)];
      return `${at}\n\n${formatApproval({ uid: uid[which], base: from, next: to, ...rest })}\n`;
    },
    async approveGroup(at, members) {
      const lines: Parameters<typeof formatApproval>[0][] = [];
      for (const { which, base, next, ...rest } of members) {
        const [from, to] = [await world.own(base, which), await world.own(next, which)];
        lines.push({ uid: uid[which], base: from, next: to, ...rest });
      }
      const group = groupDigest(lines);
      return `${at}\n\n${lines.map((line) => formatApproval({ ...line, group })).join('\n')}\n`;
    },
    withdraw: (seq, round = 0, which = 'S') => `no\n\n${formatWithdrawal({ uid: uid[which], seq, round })}\n`,
  };
  return world;
}

function idOf(ids: ReadonlyMap<string, ObjectId>, name: string): ObjectId {
  const id = ids.get(name);
  if (id === undefined) throw new Error(`no commit ${name} yet`);
  return id;
}

export const childSpec: ScopeSpec = { name: 'c', owns: '{ namespaces: [c] }' };

/** A `scope.yaml`; what is not said is that of S at the genesis. */
export function scopeYaml(spec: ScopeSpec = {}): string {
  const { name = 's', anchors = ['x', 'y', 'z'], quorum = '{ threshold: 2 }', more = '' } = spec;
  const { owns = '{ namespaces: ["*"], hosts: ["*"] }', salt = sha256(name).slice(0, 32) } = spec;
  const listed = anchors.map(anchorYaml).join('');
  const last = more === '' ? '' : `  ${more}\n`;
  return `apiVersion: fairlead.dev/v1alpha1\nkind: Scope\nmetadata: { name: ${name} }\nspec:\n  ruleset: 1\n  salt: ${salt}\n  anchors:\n${listed}  quorum: ${quorum}\n  owns: ${owns}\n${last}`;
}

function anchorYaml(spec: AnchorSpec): string {
  const { name, keys, type = 'human' } = typeof spec === 'string' ? { name: spec, keys: [spec] } : spec;
  const lines = keys.map((key) => (key.startsWith('{') ? key : `{ ssh: "${sshKey(key)}" }`));
  const kind = type === 'human' ? '' : `      type: ${type}\n`;
  return `    - name: ${name}\n${kind}      keys: [${lines.join(', ')}]\n`;
}

export function delegationsYaml(uid: string, more: string): string {
  return `apiVersion: fairlead.dev/v1alpha1\nkind: Delegations\nmetadata: { name: s }\nspec:\n  - { name: c, uid: ${uid}, path: c, grants: { namespaces: [c, c2], hosts: [c.example] }${more} }\n`;
}

export function putTree(
  put: (type: string, bytes: Uint8Array) => ObjectId,
  files: Readonly<Record<string, string | null>>,
): ObjectId {
  const folders = new Map<string, Record<string, string>>();
  const entries: { mode: string; name: string; id: ObjectId; order: string }[] = [];
  for (const [path, text] of Object.entries(files)) {
    if (text === null) continue;
    const [head = '', ...rest] = path.split('/');
    if (rest.length > 0) {
      const inside = folders.get(head) ?? {};
      inside[rest.join('/')] = text;
      folders.set(head, inside);
    } else entries.push({ mode: '100644', name: head, id: put('blob', Buffer.from(text)), order: head });
  }
  for (const [name, inside] of folders) {
    entries.push({ mode: '40000', name, id: putTree(put, inside), order: `${name}/` });
  }
  entries.sort((left, right) => (left.order < right.order ? -1 : 1));
  const parts = entries.map(({ mode, name, id }) =>
    Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')]),
  );
  return put('tree', Buffer.concat(parts));
}

export function rawCommit(
  tree: ObjectId,
  parents: readonly ObjectId[],
  message: string,
  time: number,
): Buffer {
  const lines = [`tree ${tree}`, ...parents.map((parent) => `parent ${parent}`)];
  const who = `someone <someone@example.com> ${1_700_000_000 + time} +0000`;
  return Buffer.from(`${[...lines, `author ${who}`, `committer ${who}`].join('\n')}\n\n${message}`);
}

/** SSHSIGs by the key of that name. */
export function signer(key: string): (bytes: Uint8Array) => string {
  return (bytes) => armor(bytes, key);
}

/** The raw commit with one `gpgsig` header, over everything else. */
export function signed(raw: Buffer, sign: (bytes: Uint8Array) => string): Buffer {
  const at = raw.indexOf('\n\n');
  const header = `gpgsig ${sign(raw).trimEnd().split('\n').join('\n ')}\n`;
  return Buffer.concat([raw.subarray(0, at + 1), Buffer.from(header), raw.subarray(at + 1)]);
}

function armor(message: Uint8Array, anchor: string): string {
  const lines =
    sshsig(message, anchor, 'git')
      .toString('base64')
      .match(/.{1,70}/g) ?? [];
  return `-----BEGIN SSH SIGNATURE-----\n${lines.join('\n')}\n-----END SSH SIGNATURE-----\n`;
}

/** A token (formats.md, Detached): these lines, signed by the key of that name. */
export function makeToken(lines: readonly string[], by: string, namespace = 'fairlead'): string {
  return formatToken(lines, sshsig(tokenBytes(lines), by, namespace));
}

function sshsig(message: Uint8Array, anchor: string, namespace: string): Buffer {
  const hash = createHash('sha512').update(message).digest();
  const body = [text(namespace), text(''), text('sha512')];
  const toSign = Buffer.concat([Buffer.from('SSHSIG'), ...body, text(hash)]);
  const signature = Buffer.concat([text('ssh-ed25519'), text(sign(null, toSign, privateKey(anchor)))]);
  return Buffer.concat([Buffer.from('SSHSIG'), uint32(1), text(wireKey(anchor)), ...body, text(signature)]);
}

function privateKey(anchor: string): KeyObject {
  const seed = createHash('sha256').update(`anchor ${anchor}`).digest();
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
}

function wireKey(anchor: string): Buffer {
  const spki = createPublicKey(privateKey(anchor)).export({ format: 'der', type: 'spki' });
  return Buffer.concat([text('ssh-ed25519'), text(spki.subarray(-32))]);
}

/** The public key line of an anchor of this world. */
export function sshKey(anchor: string): string {
  return `ssh-ed25519 ${wireKey(anchor).toString('base64')} ${anchor}`;
}

function text(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function withHeader(raw: Buffer, header: string): Buffer {
  const at = raw.indexOf('\n\n') + 1;
  return Buffer.concat([raw.subarray(0, at), Buffer.from(`${header}\n`), raw.subarray(at)]);
}

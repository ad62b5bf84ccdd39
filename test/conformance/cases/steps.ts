import { certificates, type KeyName, type ScopeSpec, scopeYaml } from '../scope-files.ts';
import { below, type Entry, says, type World } from '../world.ts';

type Files = NonNullable<Entry['files']>;

/** A branch off `from`: the first of `people` makes the change, the others approve it with an empty commit. Its last commit. */
export async function plain(
  world: World,
  people: readonly KeyName[],
  { from = 'g', prefix = 'p', ...entry }: Entry & { readonly from?: string; readonly prefix?: string } = {},
): Promise<string> {
  let last = from;
  for (const [at, by] of people.entries()) {
    const change = at > 0 ? {} : { ...((entry.files ?? entry.C) ? {} : { S: '1' }), ...entry };
    last = await world.add(`${prefix}${at + 1}`, { ...change, parents: [last], by });
  }
  return last;
}

type Words = Entry & {
  readonly from?: string;
  readonly prefix?: string;
  readonly path?: string;
  readonly seq?: number;
  readonly base?: string;
  readonly round?: number;
};

/** A branch off `from`: an unsigned change, and one statement for it by each of `people`. Its last commit. */
export async function worded(world: World, people: readonly KeyName[], words: Words = {}): Promise<string> {
  const { from = 'g', prefix = 'p', path = 's', seq = 2, base = 'g', round, ...entry } = words;
  const change = entry.files || entry.C || entry.S ? {} : { S: '1' };
  const next = await world.add(`${prefix}0`, { ...change, ...entry, parents: [from] });
  const line = world.approve({ seq, base, next, ...(round && { round }) }, path);
  return speak(world, people, next, prefix, line);
}

/** One commit for each of `people` that says these lines and changes nothing. The last one. */
export async function speak(
  world: World,
  people: readonly KeyName[],
  from: string,
  prefix: string,
  ...lines: readonly string[]
): Promise<string> {
  let last = from;
  for (const [at, by] of people.entries()) {
    last = await world.add(`${prefix}${at + 1}`, { parents: [last], by, message: says(...lines) });
  }
  return last;
}

/** The root's policy changed: its files of the repository. */
export function policy({ root }: World, change: ScopeSpec): Files {
  const spec = { ...root, ...change };
  return { 'mesh/scope.yaml': scopeYaml(spec), ...below('mesh/', certificates(spec)) };
}

/** A public key of SSH from the 32 bytes of an Ed25519 key in hex. */
export function sshLine(hex: string): string {
  const field = (bytes: Uint8Array): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const wire = Buffer.concat([field(Buffer.from('ssh-ed25519')), field(Buffer.from(hex, 'hex'))]);
  return `{ ssh: "ssh-ed25519 ${wire.toString('base64')}" }`;
}

/** Proposals that everybody approves in words, one after the other off the genesis: each is held by its rule. */
export async function proposals(
  world: World,
  people: readonly KeyName[],
  variants: Readonly<Record<string, readonly [files: Files, rule: string]>>,
): Promise<void> {
  for (const [name, [files, rule]] of Object.entries(variants)) {
    const prefix = `${name.replaceAll(' ', '-')}-`;
    const last = await worded(world, people, { files, prefix });
    await world.add(`${prefix}m`, { parents: ['g', last], files });
    world.attack(`${prefix}m`, { s: { seq: 1, at: 'g', held: rule } }, { name });
  }
}

/** An anchor is added as it should be: the old anchors and the new key sign. */
export async function honestAnchor(
  world: World,
  people: readonly KeyName[],
  added: KeyName = 'eli',
): Promise<void> {
  const anchors = [...(world.root.anchors ?? ['alice', 'bo', 'cy']), added];
  const files = policy(world, { anchors });
  const last = await worded(world, [...people, added], { files, prefix: 'honest' });
  await world.add('honest', { parents: ['g', last], files });
  world.honest('honest', { s: { seq: 2, at: 'honest', signed: people } });
}

/** Alice signs the change, then somebody's approval is made in a way of its own; merged into `m`. */
export async function approvedBy(
  world: World,
  name: string,
  approval: Entry,
  first: KeyName = 'alice',
): Promise<string> {
  await world.add(`${name}1`, { parents: ['g'], S: '1', by: first });
  await world.add(`${name}2`, { parents: [`${name}1`], ...approval });
  return world.add(`${name}m`, { parents: ['g', `${name}2`], S: '1' });
}

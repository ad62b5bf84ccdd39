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

import { type Entry, readEntry } from './anchor-entries.ts';
import type { Context } from './context.ts';
import type { UserKey } from './keys.ts';

/** What `init` writes. */
export type MeshPlan = {
  readonly name: string;
  readonly path: string;
  readonly entries: readonly Entry[];
  readonly threshold: number;
  readonly statements: 'Optional' | 'Required';
};

/** What is offered where nothing is answered. */
export type Suggestions = {
  readonly name: string;
  readonly path: string;
  readonly you: string;
  /** Keys of the user, those that git signs with first. */
  readonly keys: readonly UserKey[];
};

/** Asks a person for the plan of a mesh, one thing at a time; null where nobody is there to answer. */
export async function askForMesh(context: Context, offered: Suggestions): Promise<MeshPlan | null> {
  const { terminal } = context;
  const ask = async (question: string, fallback: string) =>
    (await terminal.ask(`${question} [${fallback}]`)) || fallback;
  const first = await terminal.ask(`Name of the mesh [${offered.name}]`);
  if (first === null) return null;
  const name = label(first) || offered.name;
  const path = await ask('Its folder in this repository', offered.path);
  const you = label(await ask('Your name as an anchor', offered.you)) || offered.you;
  const entries = [await askForKey(context, you, offered.keys), ...(await askForOthers(context, [you]))];
  const threshold = await askForThreshold(context, entries.length);
  const isStrict = await terminal.confirm(
    'Are changes merged by squash or rebase, or is every one to be approved in words (fairlead approve)?',
  );
  return { name, path, entries, threshold, statements: isStrict === true ? 'Required' : 'Optional' };
}

async function askForKey(context: Context, name: string, keys: readonly UserKey[]): Promise<Entry> {
  const { terminal } = context;
  for (const [at, key] of keys.entries()) terminal.say(`  ${at + 1}  ${describe(key)}`);
  for (;;) {
    const fallback = keys.length > 0 ? ' [1]' : '';
    const given =
      (await terminal.ask(`Your key: a number above, a .pub file, or an OpenPGP fingerprint${fallback}`)) ||
      (keys.length > 0 ? '1' : '');
    const key = keys[Number(given) - 1];
    const value = key === undefined ? given : key.format === 'ssh' ? key.line : key.fingerprint;
    const entry = await tryEntry(context, name, value);
    if (entry !== null) return entry;
  }
}

async function askForOthers(context: Context, taken: string[]): Promise<readonly Entry[]> {
  const { terminal } = context;
  const entries: Entry[] = [];
  for (;;) {
    const line = await terminal.ask(
      'Another anchor, as name=key (a .pub file, a key, a fingerprint); empty: no more',
    );
    if (!line) return entries;
    const [, name, value] = /^([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)=(.+)$/.exec(line) ?? [];
    if (name === undefined || value === undefined)
      terminal.say('  write name=key, the name of a-z, 0-9 and -');
    else if (taken.includes(name)) terminal.say(`  there is ${name} already`);
    else {
      const entry = await tryEntry(context, name, value);
      if (entry === null) continue;
      entries.push(entry);
      taken.push(name);
    }
  }
}

async function askForThreshold({ terminal }: Context, count: number): Promise<number> {
  const majority = Math.floor(count / 2) + 1;
  for (;;) {
    const given = Number((await terminal.ask(`How many of ${count} must sign [${majority}]`)) || majority);
    if (Number.isInteger(given) && given >= 1 && given <= count) return given;
    terminal.say(`  a number from 1 to ${count}`);
  }
}

/** Of a key that cannot be read the question is asked again. */
async function tryEntry(context: Context, name: string, value: string): Promise<Entry | null> {
  try {
    return await readEntry(context, { name, value });
  } catch (error) {
    context.terminal.say(`  ${error instanceof Error ? error.message : error}`);
    return null;
  }
}

function describe(key: UserKey): string {
  if (key.format === 'openpgp') return `openpgp ${key.fingerprint}`;
  const [type = '', , ...comment] = key.line.split(' ');
  return `${type} ${key.fingerprint} ${comment.join(' ')}`.trimEnd();
}

/** A DNS label out of what people call things; empty where nothing is left of it. */
export function label(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
}

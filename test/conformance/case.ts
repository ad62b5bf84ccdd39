import type { Expectation, Outcome } from './format.ts';
import type { KeyName } from './scope-files.ts';
import { openScratch, type Scratch, type Tools } from './scratch.ts';
import { type Built, createWorld, KINDS, type World, type WorldOptions } from './world.ts';

/** What a case is built with: a repository of its own, and as many histories in it as it wants. */
type Lab = {
  readonly scratch: Scratch;
  world(options?: WorldOptions): Promise<World>;
};

export type CaseSource = {
  /** `1` to `131`, `C1` to `C14`: the number of the attack list. */
  readonly number: string;
  readonly slug: string;
  readonly title: string;
  readonly attack: string;
  readonly outcome: Outcome;
  readonly rules: readonly string[];
  readonly signal?: string;
  build(lab: Lab): Promise<void>;
};

/** The folder of a case: `001-stale-approval`, `c01-planted-revert`. */
export function folderOf({ number, slug }: Pick<CaseSource, 'number' | 'slug'>): string {
  const digits = number.replace(/^C/, '');
  return `${number.startsWith('C') ? `c${digits.padStart(2, '0')}` : digits.padStart(3, '0')}-${slug}`;
}

export type BuiltCase = { readonly expectation: Expectation; readonly bundle: Buffer };

export async function buildCase(tools: Tools, source: CaseSource): Promise<BuiltCase> {
  const scratch = await openScratch(tools);
  try {
    const built: Built = { runs: [], refs: new Map() };
    const worlds: World[] = [];
    const world = async (options: WorldOptions = {}) => {
      const made = await createWorld(scratch, built, options);
      worlds.push(made);
      return made;
    };
    await source.build({ scratch, world });
    const { number, title, attack, outcome, rules, signal } = source;
    const said = { number, title, attack, outcome, rules, ...(signal && { signal }) };
    const expectation: Expectation = { format: 'fairlead-conformance-1', ...said, runs: built.runs };
    return { expectation, bundle: await scratch.bundle(Object.fromEntries(built.refs)) };
  } finally {
    await scratch.close();
  }
}

/** A case that is built once for each kind of key: three anchors of the root (threshold 2 unless the options say another). */
export function eachKind(
  build: (world: World, people: readonly [KeyName, KeyName, KeyName]) => Promise<void>,
  options: WorldOptions = {},
): CaseSource['build'] {
  return async (lab) => {
    for (const { kind, people } of KINDS) {
      const root = { anchors: people, ...options.root };
      await build(await lab.world({ ...options, name: kind, root }), people);
    }
  };
}

import type { Argument, Command, Option } from 'commander';

/** Something that may stand under the cursor. */
export type Candidate = { readonly value: string; readonly description: string };

/** `files`: the shell knows better. */
export type Completion = { readonly candidates: readonly Candidate[]; readonly files: boolean };

/** What was typed before the cursor, as far as names depend on it. */
export type Typed = {
  /** undefined: the usual one. */
  readonly server: string | undefined;
  /** Where the clone is; undefined: here. */
  readonly repository: string | undefined;
};

/** Names of one sort, asked for only where they fit; never throws. */
export type Names = (sort: string, typed: Typed) => Promise<readonly Candidate[]>;

/** Placeholders whose values are files and folders of this machine. */
const FILES: ReadonlySet<string> = new Set(['file', 'folder', 'path', 'url', 'name=key']);

/**
 * What fits under the cursor: commands, options not given yet, and values, from the very definitions that parse the
 * line. `words` are those after the program's name; the one at `at` may be empty or absent.
 */
export async function complete(
  program: Command,
  words: readonly string[],
  at: number,
  names: Names,
): Promise<Completion> {
  const before = joined(words.slice(0, at));
  const current = words[at] ?? '';
  const line = walk(program, before);
  const typed: Typed = {
    server: line.values.get('server'),
    repository: line.values.get('repository'),
  };
  const value = valueUnderCursor(line, before, current);
  if (value === null && current.startsWith('-') && !line.ended) {
    return { candidates: startingWith(current, optionNames(line)), files: false };
  }
  const found =
    value === null ? await positional(line, names, typed) : await valuesOf(value.option, names, typed);
  const { prefix, text } = value ?? { prefix: '', text: current };
  const fitting = startingWith(text, found.candidates);
  return { ...found, candidates: fitting.map((one) => ({ ...one, value: prefix + one.value })) };
}

type Line = {
  readonly command: Command;
  readonly given: ReadonlySet<Option>;
  readonly values: ReadonlyMap<string, string>;
  /** How many arguments of the command stand before the cursor. */
  readonly arguments: number;
  /** After `--` nothing is an option. */
  readonly ended: boolean;
};

/** bash splits at `=`: `--output`, `=`, `js` is one option and its value. */
function joined(words: readonly string[]): readonly string[] {
  return words.filter((word, index) => !(word === '=' && words[index - 1]?.startsWith('--')));
}

function walk(program: Command, words: readonly string[]): Line {
  let command = program;
  let count = 0;
  let ended = false;
  const given = new Set<Option>();
  const values = new Map<string, string>();
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    const [name, inline] = split(word);
    const option = ended ? undefined : optionOf(command, name);
    if (option !== undefined) {
      given.add(option);
      const value = inline ?? (takesValue(option) ? words[++index] : undefined);
      if (value !== undefined) values.set(option.attributeName(), value);
    } else if (word === '--') ended = true;
    else if (ended || !word.startsWith('-')) {
      const inner = count === 0 ? subcommand(command, word) : undefined;
      if (inner === undefined) count += 1;
      else command = inner;
    }
  }
  return { command, given, values, arguments: count, ended };
}

function split(word: string): readonly [string, string | undefined] {
  const cut = word.startsWith('--') ? word.indexOf('=') : -1;
  return cut < 0 ? [word, undefined] : [word.slice(0, cut), word.slice(cut + 1)];
}

function optionOf(command: Command, name: string): Option | undefined {
  return command.options.find(({ short, long }) => name === short || name === long);
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function subcommand(command: Command, word: string): Command | undefined {
  return command.commands.find((inner) => inner.name() === word || inner.aliases().includes(word));
}

type Value = { readonly option: Option; readonly prefix: string; readonly text: string };

/** The option whose value is being written: in the next word, or after `=`. */
function valueUnderCursor(
  { command, ended }: Line,
  before: readonly string[],
  current: string,
): Value | null {
  if (ended) return null;
  const [name, inline] = split(current);
  const own = inline === undefined ? undefined : optionOf(command, name);
  if (own !== undefined && inline !== undefined) return { option: own, prefix: `${name}=`, text: inline };
  const last = before.at(-1) ?? '';
  const option = last.includes('=') ? undefined : optionOf(command, last);
  if (option === undefined || !takesValue(option)) return null;
  return { option, prefix: '', text: current === '=' ? '' : current };
}

function optionNames({ command, given }: Line): readonly Candidate[] {
  const help = { value: '--help', description: 'display help for command' };
  const own = command.options
    .filter((option) => !option.hidden && (option.variadic || !given.has(option)))
    .map(({ long, short, description }) => ({ value: long ?? short ?? '', description }));
  return [...own, help];
}

async function positional(line: Line, names: Names, typed: Typed): Promise<Completion> {
  const { command } = line;
  if (line.arguments === 0 && command.commands.length > 0) {
    const visible = command.createHelp().visibleCommands(command);
    const candidates = visible.map((inner) => ({ value: inner.name(), description: inner.description() }));
    return { candidates, files: false };
  }
  const all = command.registeredArguments;
  const last = all.at(-1);
  const argument = all[line.arguments] ?? (last?.variadic ? last : undefined);
  return argument === undefined ? { candidates: [], files: false } : valuesOf(argument, names, typed);
}

async function valuesOf(of: Argument | Option, names: Names, typed: Typed): Promise<Completion> {
  if (of.argChoices !== undefined) {
    return { candidates: of.argChoices.map((value) => ({ value, description: '' })), files: false };
  }
  const sort = 'flags' in of ? (/[<[]([^>\]]+?)(?:\.\.\.)?[>\]]/.exec(of.flags)?.[1] ?? '') : of.name();
  if (FILES.has(sort)) return { candidates: [], files: true };
  return { candidates: await names(sort, typed), files: false };
}

function startingWith(text: string, candidates: readonly Candidate[]): readonly Candidate[] {
  return candidates.filter(({ value }) => value.startsWith(text));
}

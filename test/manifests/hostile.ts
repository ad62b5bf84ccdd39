import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';

/** Texts that somebody could have written to be in the way: by what they are full of, each of about `size` characters. */
export const hostileTexts: Readonly<Record<string, (size: number) => string>> = {
  'open lists': filled('['),
  'open mappings': filled('{a: '),
  'lists in lists': filled('- '),
  'keys that are mappings': filled('? '),
  'empty keys': filled('?\n'),
  'closed brackets': filled(']'),
  'lists beside each other': filled('[]'),
  commas: (size) => `a: [${filled(',')(size)}]`,
  numbers: (size) => `a: [${filled('1,')(size)}]`,
  'one key': filled('k: 1\n'),
  'many keys': counted((index) => `k${index}: 1\n`, 10),
  anchors: filled('&a '),
  tags: filled('!a '),
  aliases: filled('*a '),
  directives: filled('%a\n'),
  quotes: filled('"'),
  'bad escapes': (size) => `a: "${filled('\\q')(size)}"`,
  'words of YAML 1.1': (size) => `a: [${filled('yes,')(size)}]`,
  'numbers that are too large': (size) => `a: [${filled('1e999,')(size)}]`,
  'merge keys': (size) => `a: {${filled('<<: 1, ')(size)}}`,
  comments: filled('# x\n'),
  'lines of a text': (size) => `a: |\n${filled('  x\n')(size)}`,
  'unknown fields': (size) => spec(counted((index) => `  k${index}: 1\n`, 12)(size)),
  'unknown fields of routes': (size) => spec(`  http:\n${filled('  - rout: 1\n')(size)}`),
  'rules that are nothing but errors': (size) => spec(`  http:\n${filled('  - {mtch: 1, rout: 2}\n')(size)}`),
  'types that Envoy does not have': (size) => {
    const start =
      '  configPatches:\n  - applyTo: LISTENER\n    patch:\n      operation: MERGE\n      value:\n        listener_filters:\n';
    const filters = counted((index) => `        - {typed_config: {"@type": t/a${index}}}\n`, 45)(size);
    return `${head('EnvoyFilter').replace('/v1\n', '/v1alpha3\n')}${start}${filters}`;
  },
  'values of a wrong type': (size) => spec(`  hosts: [${filled('1,')(size)}]\n`),
  'one host': (size) => spec(`  hosts: [${filled('a,')(size)}]\n`),
  'an expression': (size) => spec(`  http: [{match: [{uri: {regex: "${filled('(a|b)*')(size)}"}}]}]\n`),
  'open groups': (size) => spec(`  http: [{match: [{uri: {regex: "${filled('(')(size)}"}}]}]\n`),
  repetitions: (size) => spec(`  http: [{match: [{uri: {regex: "a${filled('{1000}')(size)}"}}]}]\n`),
  localities: (size) => {
    const to = counted((index) => `r${index}/z/*: 1,`, 12)(size);
    const balancing = `{localityLbSetting: {distribute: [{from: a, to: {${to}}}]}}`;
    return `${head('DestinationRule')}  host: a\n  trafficPolicy: {loadBalancer: ${balancing}}\n`;
  },
};

function filled(part: string): (size: number) => string {
  return (size) => part.repeat(Math.ceil(size / part.length));
}

function counted(part: (index: number) => string, width: number): (size: number) => string {
  return (size) => Array.from({ length: Math.ceil(size / width) }, (_, index) => part(index)).join('');
}

function head(kind: string): string {
  return `apiVersion: networking.istio.io/v1\nkind: ${kind}\nmetadata: {name: a}\nspec:\n`;
}

function spec(text: string): string {
  return head('VirtualService') + text;
}

const seedFolder = join(import.meta.dirname, '../golden/seeds');
const seeds = readdirSync(seedFolder)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => readFileSync(join(seedFolder, name), 'utf8'));

/** What stands in place of a part of a seed, or within it. */
const scraps = fc.oneof(
  fc.constantFrom(
    '',
    '\n',
    '  ',
    ': ',
    '- ',
    '---\n',
    '[',
    '}',
    '"',
    '*',
    '&a ',
    '!!map ',
    '{{ x }}',
    '0',
    '-1',
    '""',
  ),
  fc.constantFrom(
    '1e400',
    '0x10',
    'null',
    '~',
    'yes',
    '{}',
    '[]',
    '*.',
    '(a+)+$',
    '(?=a)',
    '[^',
    '\\1',
    'a{1001}',
    '999h',
    '%REQ(a)%',
  ),
  fc.constantFrom(...seeds.flatMap((seed) => seed.split('\n')).map((line) => `${line}\n`)),
  fc.string({ unit: 'binary', maxLength: 8 }),
);

const edit = fc.record({ at: fc.nat(), length: fc.integer({ min: 0, max: 40 }), scrap: scraps });

/** Two seeds in a file, changed at some places: parts removed, replaced, repeated and moved between them. */
export const changedSeeds: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom(...seeds), fc.constantFrom(...seeds), fc.array(edit, { minLength: 1, maxLength: 6 }))
  .map(([one, other, edits]) =>
    edits.reduce((text, { at, length, scrap }) => {
      const start = at % text.length;
      return text.slice(0, start) + scrap + text.slice(start + length);
    }, `${one}\n---\n${other}`),
  );

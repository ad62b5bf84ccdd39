import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fieldsOf } from './schema-fields.ts';

/** docs/fields.md: each field of a kind, and the test that shows what it does. */

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/fields.md'), 'utf8');

type Row = { readonly field: string; readonly what: string; readonly shown: string };

function rowsOf(kind: string): readonly Row[] {
  const [, after = ''] = page.split(`\n## ${kind}\n`);
  const [section = ''] = after.split('\n## ');
  return [...section.matchAll(/^\| `(\S+)` +\| (.*?) +\|(?: (.*?))? +\|$/gm)].map((row) => {
    return { field: row[1] ?? '', what: row[2] ?? '', shown: row[3] ?? '' };
  });
}

/** Each kind whose fields have rows, by the title of its section; with its schema where that has another name. A new kind: its line. */
const held: readonly (readonly [string, string?])[] = [
  ['VirtualService'],
  ['DestinationRule'],
  ['ServiceProfile'],
  ['EnvoyFilter'],
  ['CiliumEnvoyConfig'],
  ['Istio MeshConfig', 'MeshConfig'],
  ['Telemetry'],
  ['ProxyConfig'],
  ['RateLimit'],
  ['Istio Gateway', 'Gateway'],
  ['ServiceEntry'],
  ['WorkloadEntry'],
  ['WorkloadGroup'],
  ['Sidecar'],
  ['Gateway API Gateway', 'ApiGateway'],
  ['GatewayClass'],
  ['HTTPRoute'],
  ['GRPCRoute'],
  ['ReferenceGrant'],
  ['Service'],
  ['EndpointSlice'],
  ['Pod'],
  ['Node'],
  ['Namespace'],
  ['ServiceAccount'],
];

const words = {
  honoured: 'honoured',
  'not-honoured': 'FL2104',
  warned: 'a warning',
  elsewhere: 'not ours',
  later: 'FL2285',
} as const;

describe.each(held.map(([title, kind = title]) => ({ title, kind })))('$title', ({ title, kind }) => {
  const rows = rowsOf(title);

  test('every field has its row, which says whether it is honoured', () => {
    const said = rows.map(({ field, what }) => [
      field,
      what.replace(/^(honoured|FL2104|FL2285|a warning|not ours|as `\S+`).*/, '$1'),
    ]);
    const known = fieldsOf(kind).map(({ path, is, as }) => [path, as === null ? words[is] : `as \`${as}\``]);
    expect(said).toEqual(known);
  });

  test.each(rows.filter(({ shown }) => shown !== ''))('$field: $shown', ({ shown }) => {
    const [, file = '', title = ''] = /^([\w/.-]+): (.+)$/.exec(shown) ?? [];
    const path = join(root, 'test', `${file}.test.ts`);
    expect(existsSync(path)).toBe(true);
    expect(readFileSync(path, 'utf8')).toContain(title);
  });
});

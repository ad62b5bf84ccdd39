import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { outlinedAt } from '../../src/manifests/position.ts';
import { readFile } from '../../src/manifests/read.ts';
import { readText } from '../../src/manifests/text.ts';
import type { Path } from '../../src/manifests/types.ts';
import { build } from '../../src/mesh/index.ts';
import { exampleDirectory, scopeOf } from './scope.ts';

const rule = `# é: an offset is no byte
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: a }
spec:
  host: a
  trafficPolicy:
    connectionPool: { tcp: { maxConnections: 1 } }
  subsets:
    - name: v1
      labels: { version: v1 }
      trafficPolicy: { loadBalancer: { simple: RANDOM } }
    - { name: v2, labels: { version: v2 } }
`;
const service = `---
apiVersion: v1
kind: Service
metadata: { name: a }
spec: { ports: [{ name: http, port: 80 }] }
`;
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** All paths in a value, those of keys that are absent too. */
function* pathsIn(value: unknown, path: Path = []): Generator<Path> {
  yield path;
  yield [...path, 'absent'];
  if (typeof value !== 'object' || value === null) return;
  const items = Array.isArray(value) ? value.entries() : Object.entries(value);
  for (const [step, item] of items) yield* pathsIn(item, [...path, step]);
}

function examples(): readonly string[] {
  const names = readdirSync(exampleDirectory, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => /\.yaml$/.test(name))
    .map((name) => readFileSync(join(exampleDirectory, name), 'utf8'));
}

test('the outline has the places of the collections of a document, and no others', () => {
  const texts = [`${rule}${service}`, `${rule}${service}`.replaceAll('\n', '\r\n'), ...examples()];
  let outlined = 0;
  for (const { outline, value, at } of texts.flatMap((text) => readText(bytesOf(text), 'yaml').documents)) {
    for (const path of pathsIn(value)) {
      const found = outlinedAt(outline, path);
      if (found !== null) expect(found, JSON.stringify(path)).toEqual(at(path));
      if (found !== null) outlined += 1;
    }
  }
  expect(outlined).toBeGreaterThan(50);
});

test('a mesh without mistakes reads each file once; whoever asks for more reads it once again', () => {
  const bytes = bytesOf(`${rule}${service}`);
  const scope = scopeOf({ 'a.yaml': bytes });
  let times = 0;
  const { drafts, problems } = readFile(scope, { path: 'a.yaml', bytes }, () => {
    times += 1;
    return readText(bytes, 'yaml');
  });
  const resources = drafts.map(({ resource }) => resource);
  const { mesh } = build([{ scope, resources, problems }]);
  expect(mesh.services.flatMap(({ subsets }) => subsets.map(({ origin: { line } }) => line))).toEqual([
    10, 13,
  ]);
  expect(times).toBe(1);
  expect(resources[0]?.at(['spec', 'subsets', 1, 'name'])).toMatchObject({ line: 13, column: 15 });
  expect(resources[0]?.at(['spec', 'subsets', 0, 'name'])).toMatchObject({ line: 10, column: 13 });
  expect(times).toBe(2);
});

test('what stays of a file that was read are no nodes', async () => {
  const bytes = bytesOf(`${rule}${service}`);
  const nodes: WeakRef<object>[] = [];
  const file = readFile(scopeOf({ 'a.yaml': bytes }), { path: 'a.yaml', bytes }, () => {
    const text = readText(bytes, 'yaml');
    nodes.push(...text.documents.map((document) => new WeakRef(document)));
    return text;
  });
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const left = () => {
    collect();
    return nodes.filter((node) => node.deref() !== undefined);
  };
  await expect.poll(left).toEqual([]);
  expect([nodes.length, file.drafts.length]).toEqual([2, 2]);
});

test('of a document with more collections than are kept, the rest is where it was', () => {
  const many = `a:\n${'  - {}\n'.repeat(5_000)}`;
  const [document] = readText(bytesOf(many), 'yaml').documents;
  expect(document?.outline.offsets.size).toBeLessThan(5_000);
  expect(document && outlinedAt(document.outline, ['a', 4_999])).toBeNull();
  expect(document?.at(['a', 4_999])).toEqual({ line: 5_001, column: 5 });
});

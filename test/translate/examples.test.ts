import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { build } from '../../src/mesh/index.ts';
import { translate } from '../../src/translate/index.ts';
import { type ScopeText, scope } from '../mesh/world.ts';
import { validate } from './envoy.ts';
import { staticBootstrap } from './static.ts';
import { proxyAt, virtualHosts } from './world.ts';

const mesh = join(import.meta.dirname, '../../examples-repo/mesh');
const files = readdirSync(mesh, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.yaml'),
);
const directories = files.filter((file) => /(^|\/)scope\.yaml$/.test(file)).map((file) => dirname(file));

/** The scopes of the examples' repository as they lie there; governance has its own tests. */
const scopes = directories.map((directory): ScopeText => {
  const { metadata, spec } = parse(readFileSync(join(mesh, directory, 'scope.yaml'), 'utf8'));
  const own = files.filter(
    (file) => directoryOf(file) === directory && !/(scope|delegations)\.yaml$/.test(file),
  );
  const texts = Object.fromEntries(own.map((file) => [file, readFileSync(join(mesh, file), 'utf8')]));
  return { path: directory === '.' ? metadata.name : `acme.${metadata.name}`, ...spec.owns, files: texts };
});

const { problems, ...built } = build(scopes.map((text) => scope(text)));

test('the examples have no problems', () => {
  expect(scopes.map((text) => scope(text)).flatMap((read) => read.problems)).toEqual([]);
  expect(problems).toEqual([]);
});

test.each(['demo', 'payments'])('Envoy accepts what a proxy in %s hears', async (namespace) => {
  const snapshot = translate(built.mesh, built.endpoints, proxyAt('127.0.0.1', namespace));
  expect(await validate(staticBootstrap(snapshot))).toBe('OK');
  expect([...virtualHosts(snapshot).keys()]).toContain('echo.demo.svc.cluster.local:80');
});

/** The deepest scope directory that a file lies in. */
function directoryOf(file: string): string {
  const around = directories.filter((directory) => directory === '.' || file.startsWith(`${directory}/`));
  return around.sort((left, right) => depth(right) - depth(left))[0] ?? '.';
}

function depth(directory: string): number {
  return directory === '.' ? 0 : directory.split('/').length;
}

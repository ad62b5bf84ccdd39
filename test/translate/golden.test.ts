import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { ScopeText } from '../mesh/world.ts';
import { validate } from './envoy.ts';
import { staticBootstrap } from './static.ts';
import { printed, proxyAt, snapshotOf } from './world.ts';

/**
 * A folder is a case: `case.yaml` (its proxies, and what each scope owns), a folder of manifests per scope, and one
 * golden file per proxy. `vitest run test/translate/golden.test.ts -u` rewrites them.
 */
const golden = join(import.meta.dirname, '../golden/translate');

type ProxyOfCase = {
  readonly ip: string;
  readonly namespace: string;
  readonly type?: 'router';
  readonly metadata?: Readonly<Record<string, unknown>>;
};

type Case = {
  readonly proxies: Readonly<Record<string, ProxyOfCase>>;
  readonly scopes: Readonly<Record<string, { readonly namespaces: string[]; readonly hosts: string[] }>>;
};

describe.each(readdirSync(golden))('%s', (name) => {
  const folder = join(golden, name);
  const { proxies, scopes } = parse(readFileSync(join(folder, 'case.yaml'), 'utf8')) as Case;
  const texts = Object.entries(scopes).map(
    ([path, owns]): ScopeText => ({ path, ...owns, files: filesOf(join(folder, path)) }),
  );

  describe.each(Object.entries(proxies))('%s', (proxy, { ip, namespace, metadata, type }) => {
    const announced = () => proxyAt(ip, namespace, metadata, type);
    const snapshot = snapshotOf(announced(), ...texts);

    test('hears what it should', async () => {
      const text = `${JSON.stringify(printed(snapshot), null, 2)}\n`;
      await expect(text).toMatchFileSnapshot(join(folder, `${proxy}.json`));
    });

    test('hears the same bytes again, in whatever order the scopes come', () => {
      const again = snapshotOf(announced(), ...texts.toReversed());
      const bytes = ({ resources }: typeof snapshot) =>
        [...resources.values()].flatMap((all) =>
          [...all.values()].map(({ name: key, version, any }) => [key, version, any]),
        );
      expect(bytes(again)).toEqual(bytes(snapshot));
    });

    test('Envoy accepts it', async () => {
      expect(await validate(staticBootstrap(snapshot))).toBe('OK');
    });
  });

  test('no golden file is left over', () => {
    const kept = readdirSync(folder).filter((file) => file.endsWith('.json'));
    expect(kept.sort()).toEqual(
      Object.keys(proxies)
        .map((proxy) => `${proxy}.json`)
        .sort(),
    );
  });
});

function filesOf(folder: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')]),
  );
}

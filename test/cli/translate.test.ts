import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { envoyPath } from '../envoy.ts';
import { createHome, type Home } from './fairlead.ts';
import { createMeshes, type Mesh, ROUTES } from './mesh.ts';

let home: Home;
beforeAll(async () => {
  home = await createHome();
  await cp(join(import.meta.dirname, '../../examples-repo/mesh'), join(home.dir, 'mesh'), {
    recursive: true,
  });
});
afterAll(() => home.close());

const HOST = 'echo.demo.svc.cluster.local';

describe('translate', () => {
  const translated = async (...args: readonly string[]) => {
    const { code, out } = await home.fairlead('.', 'translate', '-f', 'mesh', ...args, '-o', 'json');
    expect(code).toBe(0);
    return JSON.parse(out);
  };

  test('a table of each kind, with file and line', async () => {
    const { code, out } = await home.fairlead('.', 'translate', '-f', 'mesh', '--proxy', 'web.demo');
    expect(code).toBe(0);
    expect(out).toMatch(
      /^echo\.demo\.svc\.cluster\.local +80 +v1 +outbound +EDS +echo\.demo +acme +mesh\/echo\/subsets\.yaml:10$/m,
    );
    expect(out).toMatch(/^http_proxy .* echo\.demo .*mesh\/echo\/routes\.yaml:\d+$/m);
  });

  test('xDS as JSON, for a workload as its manifest says it', async () => {
    const { kind, proxy, clusters, routes } = await translated('--proxy', 'echo-v1.demo');
    expect({ kind, proxy }).toEqual({
      kind: 'Translation',
      proxy: 'sidecar~127.0.0.1~echo-v1.demo~demo.svc.cluster.local',
    });
    const names = clusters.map(({ name }: { name: string }) => name);
    expect(names).toContain(`outbound|80|v2|${HOST}`);
    expect(routes).toMatchObject([{ name: 'http_proxy' }]);
  });

  test.each([[[]], [['--capture', 'redirect']], [['--type', 'router', '--label', 'app=edge']]])(
    'a real Envoy takes what --bootstrap prints with %j',
    async (flags) => {
      const args = ['translate', '-f', 'mesh', '--proxy', 'web.demo', '--bootstrap', ...flags];
      const { code, out } = await home.fairlead('.', ...args);
      expect(code).toBe(0);
      await home.write('envoy.json', out);
      const validated = await home.run('.', await envoyPath(), '--mode', 'validate', '-c', 'envoy.json');
      expect(validated).toMatchObject({ code: 0 });
    },
  );

  test('mistakes are said, and what is left is translated', async () => {
    await home.write(
      'wrong.yaml',
      'apiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec: { prots: [] }\n',
    );
    const { code, out, err } = await home.fairlead(
      '.',
      'translate',
      '-f',
      'wrong.yaml',
      '--proxy',
      'a.default',
    );
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('wrong.yaml:4:9: error FL2105 ') });
    expect(out).toContain('PassthroughCluster');
  });

  test.each([
    ['several namespaces, and no proxy', ['-f', 'mesh'], 2, '--proxy proxy.demo'],
    ['a proxy without a namespace', ['-f', 'mesh', '--proxy', 'web'], 2, '[node-malformed]'],
    [
      'a label without a value',
      ['-f', 'mesh', '--proxy', 'web.demo', '--label', 'app'],
      2,
      '[label-malformed]',
    ],
    ['a namespace that nobody owns', ['-f', 'owned', '--proxy', 'web.shop'], 2, '[proxy-unowned]'],
    ['a path that is not there', ['-f', 'nowhere', '--proxy', 'web.demo'], 2, '[path-unreadable]'],
    ['no clone', ['--proxy', 'web.demo'], 2, '[no-repository]'],
    ['two ways to print', ['-f', 'mesh', '--bootstrap', '-o', 'json'], 64, '--bootstrap'],
  ])('%s is an error', async (_, args, code, said) => {
    const scope = 'apiVersion: fairlead.dev/v1alpha1\nkind: Scope\nmetadata: { name: acme }\n';
    await home.need('.', 'mkdir', '-p', 'owned');
    await writeFile(
      join(home.dir, 'owned/scope.yaml'),
      `${scope}spec: { owns: { namespaces: [demo], hosts: [] } }\n`,
    );
    const ran = await home.fairlead('.', 'translate', ...args);
    expect(ran).toMatchObject({ code, out: '', err: expect.stringContaining(said) });
  });
});

describe('of a clone', () => {
  let mesh: Mesh;
  beforeAll(async () => {
    mesh = await (await createMeshes(home))();
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    await mesh.signAs('bo');
    await mesh.cli('approve', '--yes');
    await mesh.write('mesh/routes.yaml', ROUTES(99));
    await mesh.commit('Almost all');
  });

  test('translate and why say what is accepted, whatever has landed', async () => {
    const { out } = await mesh.cli('translate', '--proxy', 'web.demo');
    expect(out).toContain(`outbound|80|v1|${HOST} (50), outbound|80|v2|${HOST} (50)`);
    const why = await mesh.cli('why', 'web.demo', HOST, '--offline', '-o', 'json');
    expect(why.code).toBe(0);
    const { kind, outcome, steps, evidence } = JSON.parse(why.out);
    expect({ kind, does: outcome.does }).toEqual({ kind: 'Why', does: 'forward' });
    expect(steps).toContainEqual(
      expect.objectContaining({
        what: 'route',
        sources: [
          expect.objectContaining({ file: 'routes.yaml', line: 9, document: 'VirtualService/demo/echo' }),
        ],
      }),
    );
    expect(evidence).toMatchObject([{ scope: 'acme', seq: 2, signers: ['alice', 'bo'] }]);
    expect(await mesh.git('log', '--format=%s', '-1', evidence[0].commit)).toContain('Approve');
  });

  test('why as text names who signed', async () => {
    const { out } = await mesh.cli('why', 'web.demo', 'echo', '--offline');
    expect(out).toMatch(/^GET http:\/\/echo\/ at web\.demo\n/);
    expect(out).toMatch(/ {12}routes\.yaml:9 \(VirtualService\/demo\/echo of acme\)\n/);
    expect(out).toMatch(/ {2}decided {3}acme: seq 2 at [0-9a-f]{10}, signed by alice, bo\n$/);
  });
});

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Context } from '../../src/cli/context.ts';
import { askForMesh } from '../../src/cli/init-wizard.ts';
import type { UserKey } from '../../src/cli/keys.ts';
import { publicLine } from '../keys/kinds/index.ts';
import { createHome, type Home } from './fairlead.ts';

let home: Home;
let keys: readonly UserKey[];
beforeAll(async () => {
  home = await createHome();
  for (const name of ['ann', 'bo']) await home.key(name);
  const line = (await readFile(join(home.dir, 'ann.pub'), 'utf8')).trim();
  keys = [{ format: 'ssh', fingerprint: 'SHA256:ann', line }];
});
afterAll(() => home.close());

/** A context in which somebody types these answers, one for each question. */
function typing(...answers: readonly string[]): { context: Context; said: string[]; left: string[] } {
  const left = [...answers];
  const said: string[] = [];
  const ask = async (question: string) => {
    said.push(question);
    return left.shift() ?? '';
  };
  const terminal: Context['terminal'] = {
    isLive: false,
    redraw: (text) => void said.push(text),
    gone: new AbortController().signal,
    unwritten: async () => null,
    out: (text) => void said.push(text),
    say: (line) => void said.push(line),
    paint: (_, text) => text,
    ask,
    confirm: async (question) => /^y/.test(await ask(question)),
  };
  const asks: Pick<Context, 'terminal' | 'cwd' | 'environment'> = {
    terminal,
    cwd: home.dir,
    environment: {},
  };
  // The wizard reads nothing else.
  return { context: asks as Context, said, left };
}

const offered = () => ({ name: 'acme', path: 'mesh', you: 'ann', keys });

describe('the questions of init', () => {
  test('take what is offered where nothing is typed', async () => {
    const { context, left } = typing('', '', '', '', '', '', '');
    expect(await askForMesh(context, offered())).toMatchObject({
      name: 'acme',
      path: 'mesh',
      entries: [{ name: 'ann' }],
      threshold: 1,
      statements: 'Optional',
    });
    expect(left).toEqual([]);
  });

  test('are asked again where an answer makes no sense', async () => {
    const answers = [
      'Other Mesh',
      'net',
      'Ann',
      'nothing.pub',
      '1',
      'bo',
      'bo=bo.pub',
      'bo=ann.pub',
      '',
      '3',
      '2',
      'y',
    ];
    const { context, said, left } = typing(...answers);
    expect(await askForMesh(context, offered())).toMatchObject({
      name: 'other-mesh',
      path: 'net',
      entries: [{ name: 'ann' }, { name: 'bo' }],
      threshold: 2,
      statements: 'Required',
    });
    expect(left).toEqual([]);
    const text = said.join('\n');
    for (const hint of ['nothing.pub cannot be read', 'write name=key', 'there is bo already', 'from 1 to 2'])
      expect(text).toContain(hint);
  });
});

describe('init', () => {
  test('finds keys in ~/.ssh and gpg, and asks nobody off a terminal', async () => {
    await home.need('.', 'mkdir', '-p', '.ssh', 'a', 'b');
    await home.need('.', 'git', 'init', '--quiet', 'a');
    await home.need('.', 'git', 'init', '--quiet', 'b');
    const user = 'Ann <ann@example.test>';
    await home.need(
      '.',
      'gpg',
      '--batch',
      '--quiet',
      '--passphrase',
      '',
      '--quick-gen-key',
      user,
      'ed25519',
      'sign',
      'never',
    );
    await home.need('a', 'fairlead', 'init');
    const first = parse(await readFile(join(home.dir, 'a/mesh/scope.yaml'), 'utf8'));
    expect(first.spec.anchors[0].keys[0]).toHaveProperty('openpgp');
    await home.need('.', 'cp', 'ann.pub', '.ssh/id_ed25519.pub');
    await home.need('b', 'fairlead', 'init');
    const second = parse(await readFile(join(home.dir, 'b/mesh/scope.yaml'), 'utf8'));
    expect(second.spec.anchors[0].keys[0]).toHaveProperty('ssh');
    await home.run('.', 'gpgconf', '--kill', 'all');
  });

  describe('says what git needs before it signs with an anchor’s key', () => {
    let ours: Home;
    beforeAll(async () => {
      ours = await createHome();
      for (const name of ['ann', 'bo', 'cy']) await ours.key(name);
      await ours.write('.gitconfig', '[user]\n\tname = Bo\n\temail = bo@example.test\n');
      await ours.need('.', 'mkdir', '.ssh');
      await ours.need('.', 'cp', 'bo', 'bo.pub', '.ssh');
    });
    afterAll(() => ours.close());

    /** The step that `init` tells in a new repository. */
    async function stepOf(name: string, ...flags: readonly string[]): Promise<string | undefined> {
      await ours.need('.', 'git', 'init', '--quiet', name);
      const { code, err } = await ours.fairlead(name, 'init', '--yes', ...flags);
      expect(code).toBe(0);
      return /^ {2}(git config .*?) +#/m.exec(err)?.[1];
    }
    const told = (file: string) =>
      `git config gpg.format ssh && git config user.signingkey '${join(ours.dir, file)}'`;

    test('the format and the file of the key that it found: git signs with it then', async () => {
      const step = await stepOf('found');
      expect(step).toBe(told('.ssh/bo.pub'));
      for (const line of [String(step), 'git add . && git commit --quiet -S -m Begin'])
        await ours.need('found', 'sh', '-c', line);
      expect(await ours.need('found', 'git', 'cat-file', 'commit', 'HEAD')).toContain('BEGIN SSH SIGNATURE');
      expect(await stepOf('found', '--path', 'again')).toBeUndefined();
    });

    test('the file of the key that it was told', async () => {
      expect(await stepOf('told', '--anchor', 'ann=../ann.pub')).toBe(told('ann.pub'));
    });

    test('the key of the anchor who sits here, of several; else nobody knows which', async () => {
      const two = ['--anchor', 'ann=../ann.pub', '--anchor'];
      expect(await stepOf('one-of-us', ...two, 'bo=../bo.pub')).toBe(told('bo.pub'));
      expect(await stepOf('none-of-us', ...two, 'cy=../cy.pub')).toBe(
        'git config gpg.format ssh && git config user.signingkey <your key>',
      );
    });

    test('only what git does not have', async () => {
      await ours.need('.', 'git', 'init', '--quiet', 'half');
      await ours.need('half', 'git', 'config', 'gpg.format', 'ssh');
      expect(await stepOf('half', '--path', 'a')).toBe(
        `git config user.signingkey '${join(ours.dir, '.ssh/bo.pub')}'`,
      );
      await ours.need('half', 'git', 'config', 'user.signingkey', join(ours.dir, 'bo'));
      expect(await stepOf('half', '--path', 'b')).toBeUndefined();
    });
  });

  test('takes SSH keys of every kind, and says why one is refused', async () => {
    await home.need('.', 'git', 'init', '--quiet', 'kinds');
    await home.need('.', 'ssh-keygen', '-q', '-t', 'rsa', '-b', '2048', '-N', '', '-f', 'short');
    const { code, err } = await home.fairlead('kinds', 'init', '--anchor', 'a=../short.pub');
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(/3072 bits, this one has 2048/) });
    const lines = (['ecdsa-521', 'rsa-3072', 'sk-ed25519'] as const).map(publicLine);
    const anchors = lines.flatMap((line, at) => ['--anchor', `a${at}=${line}`]);
    await home.need('kinds', 'fairlead', 'init', ...anchors);
    const { spec } = parse(await readFile(join(home.dir, 'kinds/mesh/scope.yaml'), 'utf8'));
    expect(spec.anchors.map(({ keys }: { keys: unknown }) => keys)).toEqual(lines.map((ssh) => [{ ssh }]));
  });

  test('quotes what YAML would read as something else', async () => {
    await home.need('.', 'git', 'init', '--quiet', 'quoted');
    const key = (await readFile(join(home.dir, 'ann.pub'), 'utf8')).trim().split(' ').slice(0, 2).join(' ');
    const anchor = `0x1=${key} the: laptop #1`;
    const { out, err } = await home.fairlead('quoted', 'init', '--name', '1e5', '--anchor', anchor);
    expect(out).toContain('wrote mesh/scope.yaml');
    expect(err.replace(/\s+/g, ' ')).toContain('the default templates of GitLab');
    const text = await readFile(join(home.dir, 'quoted/mesh/scope.yaml'), 'utf8');
    expect(text).toMatch(/^ {2}salt: "[0-9a-f]{32}"$/m);
    const scope = parse(text, { version: '1.2', schema: 'core' });
    expect(scope.metadata.name).toBe('1e5');
    expect(scope.spec.anchors).toEqual([{ name: '0x1', keys: [{ ssh: `${key} the: laptop #1` }] }]);
    await home.need('quoted', 'git', 'add', '--all');
    for (const [name, value] of [
      ['user.name', 'Ann'],
      ['user.email', 'ann@example.test'],
    ] as const)
      await home.need('quoted', 'git', 'config', name, value);
    await home.need('quoted', 'git', 'commit', '--quiet', '-m', 'Begin');
    expect(await home.fairlead('quoted', 'trust')).toMatchObject({ code: 0 });
  });
});

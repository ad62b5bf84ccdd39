import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApi } from '../../src/api/index.ts';
import { apiSource, quiet } from '../server.ts';
import { createHome, type Home } from './fairlead.ts';
import { createMeshes, type Mesh } from './mesh.ts';

let home: Home;
let mesh: Mesh;
let server: string;
let close: () => Promise<unknown>;

beforeAll(async () => {
  home = await createHome();
  mesh = await (await createMeshes(home))();
  await mesh.write('mesh/delegations.yaml', 'spec:\n  - { name: payments, path: pay }\n  - { name: web }\n');
  await mesh.git('branch', 'canary');
  const source = apiSource({
    repositories: () => [{ name: 'edge' }, { name: 'mesh' }],
    scopes: () => [{ path: 'acme' }, { path: 'acme.remote' }, { path: 'acme.gone', status: 'Tombstone' }],
    proxies: () =>
      ['api-1.shop', 'web-1.shop', 'web-2.shop'].map((name) => ({ proxy: `sidecar~1~${name}~d` })),
  });
  const api = createApi(source, quiet);
  server = `http://127.0.0.1:${await api.listen('127.0.0.1', 0)}`;
  close = () => api.close();
});
afterAll(() => Promise.all([home.close(), close()]));

/** Values for the words of a line, the last of them under the cursor, and what the shell is told to do. */
async function completed(...words: readonly string[]) {
  const { code, out, err } = await mesh.cli('__complete', '--at', `${words.length - 1}`, '--', ...words);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const lines = out.trimEnd().split('\n');
  return { values: lines.slice(0, -1).map((line) => line.split('\t')[0]), told: lines.at(-1) };
}

describe('what fits under the cursor', () => {
  test.each<readonly [string, readonly string[], readonly string[], string]>([
    ['commands', ['pro'], ['proxy-status', 'proxy-config'], ':none'],
    ['commands of a command', ['pc', 'l'], ['listener'], ':none'],
    ['an alias has the same options', ['pc', 'c', '--su'], ['--subset'], ':none'],
    ['no hidden command', ['__'], [], ':none'],
    ['long options', ['lineage', '--ti'], ['--tip'], ':none'],
    ['an option only once', ['verify', '--tip', 'main', '--ti'], [], ':none'],
    ['choices', ['verify', '-o', 'y'], ['yaml'], ':none'],
    ['choices after =', ['verify', '--output=j'], ['--output=json'], ':none'],
    ['choices after =, as bash splits them', ['verify', '--output', '=', 'j'], ['json'], ':none'],
    ['choices of a setting', ['serve', '--git-backend', 'n'], ['native'], ':none'],
    ['choices of an argument', ['completion', 'f'], ['fish'], ':none'],
    ['files', ['verify', '--pin', ''], [], ':files'],
    ['nothing after the last argument', ['completion', 'fish', ''], [], ':none'],
    ['nothing that is an option after --', ['explain', '--', '--ti'], [], ':none'],
    ['branches', ['verify', '--tip', 'ca'], ['canary'], ':none'],
    ['branches for an argument', ['plan', 'ma'], ['main'], ':none'],
    ['branches to approve', ['approve', 'ca'], ['canary'], ':none'],
    ['scopes of the worktree', ['lineage', 'acme'], ['acme', 'acme.payments'], ':none'],
    ['a dotted name of a scope that is to be', ['scope', 'create', ''], [], ':none'],
    ['commands of scope', ['scope', 'rec'], ['reconfigure', 'recover'], ':none'],
    ['scopes and branches', ['explain', ''], ['HEAD', 'acme', 'acme.payments', 'canary', 'main'], ':none'],
  ])('%s: %j', async (_, words, values, told) => {
    expect(await completed(...words)).toEqual({ values, told });
  });

  test.each<readonly [string, readonly string[], readonly string[]]>([
    ['proxies', ['pc', 'cluster'], ['api-1.shop', 'web-1.shop', 'web-2.shop']],
    ['repositories', ['reconcile'], ['edge', 'mesh']],
    ['repositories to get', ['get', 'repository'], ['edge', 'mesh']],
    ['repositories and scopes', ['wait'], ['acme', 'acme.remote', 'edge', 'mesh']],
    ['repositories and scopes to trace', ['trace'], ['acme', 'acme.remote', 'edge', 'mesh']],
  ])('%s of a server that answers', async (_, command, values) => {
    // Nobody waits for a list for longer than half a second: on a busy machine it comes another time.
    await expect.poll(() => completed(...command, '--server', server, '')).toEqual({ values, told: ':none' });
  });

  test('fingerprints of the keys in the worktree', async () => {
    const { values, told } = await completed('key-impact', 'SHA');
    expect({ count: values.length, told }).toEqual({ count: 3, told: ':none' });
    const listed = await home.need('.', 'ssh-keygen', '-lf', 'bo.pub');
    expect(values).toContain(listed.split(' ')[1]);
  });

  test('nothing of a server that does not answer, and nobody waits for it', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    expect(await completed('pc', 'c', '--server', url, '')).toEqual({ values: [], told: ':none' });
    expect(await completed('reconcile', '--server=nowhere', '')).toEqual({ values: [], told: ':none' });
    silent.closeAllConnections();
    silent.close();
  });

  test('names are those of FAIRLEAD_SERVER where --server names none', async () => {
    const line = ['fairlead', '__complete', '--at', '1', '--', 'reconcile', ''];
    const { out } = await home.run('.', 'env', `FAIRLEAD_SERVER=${server}`, ...line);
    expect(out.split('\n').map((each) => each.split('\t')[0])).toEqual(['edge', 'mesh', ':none', '']);
  });

  test('names of others cannot end a line', async () => {
    const body = JSON.stringify({ items: [{ name: 'a\n:files\tb' }], next: null });
    const hostile = createServer((_, response) => response.end(body)).listen(0, '127.0.0.1');
    await new Promise((resolve) => hostile.once('listening', resolve));
    const url = `http://127.0.0.1:${(hostile.address() as AddressInfo).port}`;
    await expect
      .poll(() => completed('reconcile', '--server', url, ''))
      .toEqual({ values: ['a :files b'], told: ':none' });
    hostile.close();
  });

  test('outside of a clone there are no branches, and no error', async () => {
    const { code, out, err } = await home.fairlead('.', '__complete', '--at', '1', '--', 'plan', '');
    expect({ code, out, err }).toEqual({ code: 0, out: ':none\n', err: '' });
  });
});

describe('the script of', () => {
  const script = async (shell: string) => (await home.fairlead('.', 'completion', shell)).out;

  /** Bash as it completes: COMP_WORDS and COMP_CWORD are what it gives the function. */
  async function bash(...words: readonly string[]): Promise<readonly string[]> {
    await home.write('bash.sh', await script('bash'));
    const run =
      'source "$1"; source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _fairlead fairlead';
    const print = `printf '%s\\n' "\${COMPREPLY[@]}"`;
    const args = ['--norc', '--noprofile', '-c', `${run}; ${print}`, 'bash', join(home.dir, 'bash.sh')];
    const { code, out, err } = await home.run(
      `${mesh.dir.slice(home.dir.length + 1)}`,
      'bash',
      ...args,
      ...words,
    );
    expect({ code, err }).toEqual({ code: 0, err: '' });
    return out.trimEnd().split('\n');
  }

  test('bash completes commands, options, values and names', async () => {
    expect(await bash('fairlead', 'linea')).toEqual(['lineage']);
    expect(await bash('fairlead', 'lineage', '')).toEqual(['acme', 'acme.payments']);
    expect(await bash('fairlead', 'verify', '--output', '=', 'y')).toEqual(['yaml']);
    // As above.
    await expect
      .poll(() => bash('fairlead', 'pc', 'route', '--server', server, 'web'))
      .toEqual(['web-1.shop', 'web-2.shop']);
  });

  test('bash runs nothing of what is typed', async () => {
    const trap = join(home.dir, 'trap');
    expect(await bash('fairlead', 'verify', '--tip', `$(touch ${trap})`)).toEqual(['']);
    expect(await bash('fairlead', `\`touch ${trap}\``, ';', 'touch', trap, '')).toEqual(['']);
    expect(await home.run('.', 'test', '-e', trap)).toMatchObject({ code: 1 });
  });

  /** Shells that not every machine has; CI has them. */
  const others = ['fish', 'zsh'].filter((shell) => runs(shell));

  test.each(['bash', ...others])('%s has no mistake', async (shell) => {
    await mkdir(join(home.dir, 'scripts'), { recursive: true });
    await writeFile(join(home.dir, 'scripts', shell), await script(shell));
    expect(await home.run('scripts', shell, '-n', shell)).toEqual({ code: 0, out: '', err: '' });
  });

  test.each(others)('%s completes', async (shell) => {
    await writeFile(
      join(mesh.dir, '..', `run.${shell}`),
      PRELUDE[shell] + (await script(shell)) + ENGINES[shell],
    );
    const folder = mesh.dir.slice(home.dir.length + 1);
    const { out, err } = await home.run(folder, shell, NO_CONFIG[shell] ?? '', `../run.${shell}`);
    expect(err).toBe('');
    expect(out.split('\n').filter((line) => line !== '')).toEqual(EXPECTED);
  });

  test('PowerShell hands words over as arguments, and their number', async () => {
    const text = await script('powershell');
    expect(text).toMatch(/^Register-ArgumentCompleter -Native -CommandName fairlead /m);
    expect(text).toContain("__complete --at $at '--' @rest");
    expect(text).not.toMatch(/Invoke-Expression|\biex\b/);
  });

  test('a shell that is none is an error of usage', async () => {
    expect(await home.fairlead('.', 'completion', 'tcsh')).toMatchObject({ code: 64, out: '' });
    expect(await home.fairlead('.', 'completion')).toMatchObject({ code: 64, out: '' });
  });

  function runs(shell: string): boolean {
    try {
      execFileSync(shell, ['-c', 'true'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  }
});

/** fish has its engine without a terminal; zsh's functions are put in its place. */
const ENGINES: Readonly<Record<string, string>> = {
  fish: `
for line in 'fairlead lineage ac' 'fairlead verify --output=j' 'fairlead plan ca'
    for one in (complete -C $line)
        string split -f 1 \\t -- $one
    end
end
`,
  zsh: `
_describe() { local each; for each in $values; do print -r -- \${\${each%:*}//\\\\:/:}; done }
for line in 'fairlead lineage ac' 'fairlead verify --output=j' 'fairlead plan ca'; do
  words=(\${(z)line}); CURRENT=$#words; _fairlead
done
`,
};

const NO_CONFIG: Readonly<Record<string, string>> = { fish: '--no-config', zsh: '-f' };
const PRELUDE: Readonly<Record<string, string>> = { fish: '', zsh: 'compdef() {}\n' };

const EXPECTED = ['acme', 'acme.payments', '--output=json', 'canary'];

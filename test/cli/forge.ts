import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createGpgKey } from '../repository.ts';
import type { Home, Ran } from './fairlead.ts';
import { ROUTES, SERVICE } from './mesh.ts';

export type Person = 'alice' | 'bo' | 'cy' | 'dana' | 'eli';
const PEOPLE = ['alice', 'bo', 'cy', 'dana', 'eli'] as const;

/**
 * A forge with a mesh of two scopes, `acme` (two of alice, bo, cy) and `acme.payments` (dana and eli), and a clone of it. The
 * buttons make what GitHub, GitLab and Gitea make, with git, on the forge's side: committer and signature are the forge's.
 */
export type Forge = {
  /** Git in the clone. */
  git(...args: readonly string[]): Promise<string>;
  /** A command line in the clone, as somebody types it. */
  type(line: string): Promise<Ran>;
  cli(...args: readonly string[]): Promise<Ran>;
  signAs(name: Person): Promise<void>;
  /** Writes files of the worktree and commits them, signed where a name is given; the commit. */
  commit(message: string, files: Files, signer?: Person): Promise<string>;
  /** A pull request of one scope: a branch whose author signs a change, and a second anchor who signs it too. Pushed. */
  pull(branch: string, files: Files, author: Person, second: Person, form: Form): Promise<void>;
  readonly buttons: Buttons;
};

type Files = Readonly<Record<string, string>>;
/** How the second anchor signs: an empty `git commit -S`, or `fairlead approve`. */
type Form = 'plain' | 'statement';

type Buttons = {
  merge(branch: string): Promise<void>;
  fastForward(branch: string): Promise<void>;
  squash(branch: string, message: string): Promise<void>;
  /** GitLab: a squash commit, and a merge commit on top of it. */
  squashAndMerge(branch: string, message: string): Promise<void>;
  rebase(branch: string): Promise<void>;
  /** GitLab, "semi-linear history": the branch is rebased, and then merged. */
  rebaseAndMerge(branch: string): Promise<void>;
  /** Main with each of the branches on top, as the queue tests it, in the branch `queue`. */
  enqueue(method: 'merge' | 'squash', ...branches: readonly string[]): Promise<void>;
  /** The queue's group has passed: main is moved to it. */
  dequeue(): Promise<void>;
  /** Of the merge commit that main is at: a branch, which is merged. */
  revert(): Promise<void>;
  updateBranch(branch: string): Promise<void>;
  updateBranchByRebase(branch: string): Promise<void>;
  /** The pencil: a commit on a branch. */
  edit(branch: string, path: string, text: string): Promise<void>;
};

/** Two files of `acme`, so that two pull requests of one scope merge without a conflict, and one of its child. */
export const ROUTES_FILE = 'mesh/routes.yaml';
export const NOTES_FILE = 'mesh/notes.yaml';
export const PAYMENTS_FILE = 'mesh/payments/service.yaml';

/** Makes the keys once; each call of the result is a new forge. */
export async function createForges(
  home: Home,
  defer: (close: () => Promise<void>) => void,
): Promise<() => Promise<Forge>> {
  for (const name of PEOPLE) await home.key(name);
  const webFlow = await createGpgKey(join(home.dir, '.gnupg'), 'web-flow');
  defer(webFlow.close);
  let made = 0;
  return async () => {
    made += 1;
    return createForge(home, `forge-${made}`, webFlow.gpg);
  };
}

async function createForge(home: Home, name: string, key: string): Promise<Forge> {
  const [remote, clone, server] = [`${name}.git`, `${name}-clone`, `${name}-server`];
  await home.need('.', 'git', 'init', '--quiet', '--bare', remote);
  await home.need('.', 'git', 'clone', '--quiet', remote, clone);
  const git: Forge['git'] = (...args) => home.need(clone, 'git', ...args);
  await git('config', 'user.name', 'Somebody');
  await git('config', 'user.email', 'somebody@example.test');
  const signAs: Forge['signAs'] = async (who) =>
    void (await git('config', 'user.signingkey', join(home.dir, `${who}.pub`)));
  const commit: Forge['commit'] = async (message, files, signer) => {
    for (const [path, text] of Object.entries(files)) {
      await home.need(clone, 'mkdir', '-p', join(home.dir, clone, path, '..'));
      await home.write(join(clone, path), text);
    }
    await git('add', '--all');
    if (signer !== undefined) await signAs(signer);
    await git('commit', '--quiet', '--allow-empty', ...(signer === undefined ? [] : ['-S']), '-m', message);
    return git('rev-parse', 'HEAD');
  };
  const cli: Forge['cli'] = (...args) => home.fairlead(clone, ...args);
  await begin(home, clone, commit);
  await git('push', '--quiet', 'origin', 'main');
  await home.need(clone, 'fairlead', 'trust');
  await home.need('.', 'git', 'clone', '--quiet', remote, server);
  return {
    git,
    cli,
    signAs,
    commit,
    type: (line) => home.run(clone, 'bash', '-c', line),
    async pull(branch, files, author, second, form) {
      await git('checkout', '--quiet', '-b', branch, 'origin/main');
      await commit(`Change ${Object.keys(files).join(', ')}`, files, author);
      await signAs(second);
      if (form === 'plain') await commit(`${second} agrees`, {}, second);
      else await home.need(clone, 'fairlead', 'approve', '--yes');
      await git('push', '--quiet', 'origin', branch);
    },
    buttons: buttonsOf((...args) => home.need(server, 'git', ...args), key),
  };
}

async function begin(home: Home, clone: string, commit: Forge['commit']): Promise<void> {
  const anchors = (['alice', 'bo', 'cy'] as const).flatMap((who) => ['--anchor', `${who}=../${who}.pub`]);
  await home.need(clone, 'fairlead', 'init', '--name', 'acme', ...anchors);
  const keys = await Promise.all(
    (['dana', 'eli'] as const).map(async (who) => ({ who, key: await home.need('.', 'cat', `${who}.pub`) })),
  );
  await commit(
    'Begin',
    {
      'mesh/service.yaml': SERVICE,
      [ROUTES_FILE]: ROUTES(10),
      [NOTES_FILE]: '# nothing yet\n',
      'mesh/delegations.yaml': DELEGATIONS,
      'mesh/payments/scope.yaml': paymentsScope(keys),
      [PAYMENTS_FILE]: service('pay'),
    },
    'alice',
  );
}

const DELEGATIONS = `apiVersion: fairlead.dev/v1alpha1
kind: Delegations
metadata: { name: acme }
spec:
  - { name: payments, uid: ${'5a'.repeat(32)}, path: payments, grants: { namespaces: [payments] } }
`;

function paymentsScope(keys: readonly { readonly who: string; readonly key: string }[]): string {
  const anchors = keys.map(({ who, key }) => `    - { name: ${who}, keys: [{ ssh: "${key}" }] }\n`).join('');
  return `apiVersion: fairlead.dev/v1alpha1
kind: Scope
metadata: { name: payments }
spec:
  ruleset: 1
  salt: c41d6f0e93b84a57b2f7d01c8e5a9364
  anchors:
${anchors}  quorum: { threshold: 2 }
  owns: { namespaces: [payments] }
`;
}

export function service(name: string): string {
  return `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: payments }\nspec: { ports: [{ name: http, port: 80 }] }\n`;
}

/** Of the forge: the committer, and a key that signs for all of its users. */
function buttonsOf(run: (...args: readonly string[]) => Promise<string>, key: string): Buttons {
  const who = ['-c', 'user.name=GitHub', '-c', 'user.email=noreply@github.com'];
  const forge = (...args: readonly string[]) =>
    run(...who, '-c', 'gpg.format=openpgp', '-c', `user.signingkey=${key}`, ...args);
  const author = ['--author', 'Alice <alice@example.test>'];
  const signed = (message: string) =>
    forge('commit', '--quiet', '--allow-empty', '-S', ...author, '-m', message);
  const on = async (branch: string, at: string) => {
    await forge('fetch', '--quiet', 'origin');
    await forge('checkout', '--quiet', '-B', branch, at);
  };
  const push = async (branch: string, to = branch) =>
    void (await forge('push', '--quiet', '--force', 'origin', `${branch}:${to}`));
  const joined = async (from: string, message: string) => {
    await forge('merge', '--quiet', '--no-ff', '--no-commit', from);
    await signed(message);
  };
  const squashed = async (branch: string, message: string) => {
    await forge('merge', '--quiet', '--squash', `origin/${branch}`);
    await signed(message);
  };
  const rebased = (onto: string) => forge('rebase', '--quiet', '--force-rebase', '--no-gpg-sign', onto);
  const buttons: Buttons = {
    async merge(branch) {
      await on('main', 'origin/main');
      await joined(`origin/${branch}`, `Merge pull request #12 from acme/${branch}\n\nA change`);
      await push('main');
    },
    async fastForward(branch) {
      await on('main', `origin/${branch}`);
      await push('main');
    },
    async squash(branch, message) {
      await on('main', 'origin/main');
      await squashed(branch, message);
      await push('main');
    },
    async squashAndMerge(branch, message) {
      await on('squashed', 'origin/main');
      await squashed(branch, message);
      await forge('checkout', '--quiet', '-B', 'main', 'origin/main');
      await joined('squashed', `Merge branch '${branch}' into 'main'\n\nSee merge request acme/mesh!12`);
      await push('main');
    },
    async rebase(branch) {
      await on('main', `origin/${branch}`);
      await rebased('origin/main');
      await push('main');
    },
    async rebaseAndMerge(branch) {
      await on('rebased', `origin/${branch}`);
      await rebased('origin/main');
      await forge('checkout', '--quiet', '-B', 'main', 'origin/main');
      await joined('rebased', `Merge branch '${branch}' into 'main'`);
      await push('main');
    },
    async enqueue(method, ...branches) {
      await on('queue', 'origin/main');
      for (const branch of branches) {
        if (method === 'squash') await squashed(branch, `A change (#12)`);
        else await joined(`origin/${branch}`, `Merge pull request #12 from acme/${branch}`);
      }
      await push('queue');
    },
    async dequeue() {
      await on('main', 'origin/queue');
      await push('main');
    },
    async revert() {
      await on('revert-12', 'origin/main');
      await forge('revert', '--no-commit', '--mainline', '1', 'HEAD');
      await signed('Revert "A change"\n\nReverts acme/mesh#12');
      await push('revert-12');
      await buttons.merge('revert-12');
    },
    async updateBranch(branch) {
      await on(branch, `origin/${branch}`);
      await joined('origin/main', `Merge branch 'main' into ${branch}`);
      await push(branch);
    },
    async updateBranchByRebase(branch) {
      await on(branch, `origin/${branch}`);
      await rebased('origin/main');
      await push(branch);
    },
    async edit(branch, path, text) {
      await on(branch, `origin/${branch}`);
      await writeFile(join(await run('rev-parse', '--show-toplevel'), path), text);
      await forge('add', '--all');
      await signed(`Update ${path.split('/').at(-1)}`);
      await push(branch);
    },
  };
  return buttons;
}

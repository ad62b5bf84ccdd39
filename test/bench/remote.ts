import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serveGit } from '../git/http-remote.ts';
import { gitEnvironment, run } from '../repository.ts';
import type { History } from './history.ts';

/** Bare repositories that are pushed to, behind git's own http server. */
export interface Remotes {
  /** A new one of this name, in which `main` is at `tip` of the history. */
  add(name: string, history: History, tip: string): Promise<Remote>;
  close(): Promise<void>;
}

export interface Remote {
  readonly url: string;
  /** Path of the pin file. */
  readonly pin: string;
  /** A `git push` of one more main-line commit. */
  push(tip: string): Promise<void>;
}

export async function openRemotes(folder: string): Promise<Remotes> {
  const root = join(folder, 'remotes');
  await mkdir(root, { recursive: true });
  const http = await serveGit(root);
  return {
    async add(name, history, tip) {
      const gitdir = join(root, `${name}.git`);
      const pin = join(folder, `${name}-pin.json`);
      const push = async (commit: string) => {
        const refspec = `${commit}:refs/heads/main`;
        await run('git', ['-C', history.gitdir, 'push', '--quiet', gitdir, refspec], { env: gitEnvironment });
      };
      await run('git', ['init', '--quiet', '--bare', '--initial-branch=main', gitdir], {
        env: gitEnvironment,
      });
      await push(tip);
      const head = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'Pin' };
      await writeFile(pin, JSON.stringify({ ...head, ...history.pin }));
      return { url: `${http.url}/${name}.git`, pin, push };
    },
    close: () => http.close(),
  };
}

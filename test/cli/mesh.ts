import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Home, Ran } from './fairlead.ts';

export const ROUTES = (v2: number) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: echo
  namespace: demo
spec:
  hosts: [echo.demo.svc.cluster.local]
  http:
    - route:
        - destination: { host: echo.demo.svc.cluster.local, subset: v1 }
          weight: ${100 - v2}
        - destination: { host: echo.demo.svc.cluster.local, subset: v2 }
          weight: ${v2}
`;

export const SERVICE = `apiVersion: v1
kind: Service
metadata: { name: echo, namespace: demo }
spec:
  selector: { app: echo }
  ports: [{ name: http, port: 80 }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo, namespace: demo }
spec:
  host: echo.demo.svc.cluster.local
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
`;

/** A pinned mesh `acme`: two of alice, bo and cy have to sign; all have SSH keys here. */
export type Mesh = {
  /** The clone. */
  readonly dir: string;
  /** Git in the clone. */
  git(...args: readonly string[]): Promise<string>;
  /** `fairlead` in the clone. */
  cli(...args: readonly string[]): Promise<Ran>;
  /** Writes a file of the worktree. */
  write(path: string, text: string): Promise<void>;
  /** Commits everything; signed where a name is given. */
  commit(message: string, signer?: Signer): Promise<string>;
  /** From now on `git commit -S` and `fairlead approve` sign with this key. */
  signAs(name: Signer): Promise<void>;
};

type Signer = 'alice' | 'bo' | 'cy' | 'mallory';

/** Makes a mesh once; each call of the result is a fresh copy of it. */
export async function createMeshes(home: Home): Promise<() => Promise<Mesh>> {
  for (const name of ['alice', 'bo', 'cy', 'mallory'] as const) await home.key(name);
  await home.need('.', 'git', 'init', '--quiet', 'template');
  const template = openMesh(home, 'template');
  await template.git('config', 'user.name', 'Somebody');
  await template.git('config', 'user.email', 'somebody@example.test');
  const anchors = ['alice', 'bo', 'cy'].flatMap((name) => ['--anchor', `${name}=../${name}.pub`]);
  await home.need('template', 'fairlead', 'init', '--name', 'acme', ...anchors);
  await template.write('mesh/service.yaml', SERVICE);
  await template.write('mesh/routes.yaml', ROUTES(10));
  await template.commit('Begin', 'alice');
  await home.need('template', 'fairlead', 'trust');
  let copies = 0;
  return async () => {
    copies += 1;
    await cp(join(home.dir, 'template'), join(home.dir, `mesh-${copies}`), { recursive: true });
    return openMesh(home, `mesh-${copies}`);
  };
}

function openMesh(home: Home, folder: string): Mesh {
  const git = (...args: readonly string[]) => home.need(folder, 'git', ...args);
  const signAs: Mesh['signAs'] = async (name) =>
    void (await git('config', 'user.signingkey', join(home.dir, `${name}.pub`)));
  return {
    dir: join(home.dir, folder),
    git,
    signAs,
    cli: (...args) => home.fairlead(folder, ...args),
    async write(path, text) {
      const file = join(home.dir, folder, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    },
    async commit(message, signer) {
      await git('add', '--all');
      if (signer !== undefined) await signAs(signer);
      await git('commit', '--quiet', '--allow-empty', ...(signer === undefined ? [] : ['-S']), '-m', message);
      return git('rev-parse', 'HEAD');
    },
  };
}

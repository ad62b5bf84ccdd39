import { join } from 'node:path';
import { createHome, type Home } from './fairlead.ts';

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

const SERVICE = `apiVersion: v1
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

/** A pinned mesh `acme` in the folder `repo`: two of alice, bo and cy have to sign; all have SSH keys here. */
export type Mesh = Home & {
  /** Git in the repository. */
  git(...args: readonly string[]): Promise<string>;
  /** Commits everything; signed where a name is given. */
  commit(message: string, signer?: 'alice' | 'bo' | 'cy' | 'mallory'): Promise<string>;
  /** From now on `git commit -S` and `fairlead approve` sign with this key. */
  signAs(name: 'alice' | 'bo' | 'cy' | 'mallory'): Promise<void>;
  /** `fairlead` in the repository. */
  cli(...args: readonly string[]): ReturnType<Home['fairlead']>;
};

export async function createMesh(): Promise<Mesh> {
  const home = await createHome();
  const keys = ['alice', 'bo', 'cy', 'mallory'] as const;
  for (const name of keys) await home.key(name);
  await home.need('.', 'git', 'init', '--quiet', 'repo');
  const git = (...args: readonly string[]) => home.need('repo', 'git', ...args);
  await git('config', 'user.name', 'Somebody');
  await git('config', 'user.email', 'somebody@example.test');
  const signAs: Mesh['signAs'] = async (name) =>
    void (await git('config', 'user.signingkey', join(home.dir, `${name}.pub`)));
  const mesh: Mesh = {
    ...home,
    git,
    signAs,
    cli: (...args) => home.fairlead('repo', ...args),
    async commit(message, signer) {
      await git('add', '--all');
      if (signer !== undefined) await signAs(signer);
      await git('commit', '--quiet', '--allow-empty', ...(signer === undefined ? [] : ['-S']), '-m', message);
      return git('rev-parse', 'HEAD');
    },
  };
  const anchors = ['alice', 'bo', 'cy'].flatMap((name) => ['--anchor', `${name}=../${name}.pub`]);
  await home.need('repo', 'fairlead', 'init', '--name', 'acme', ...anchors);
  await home.write('repo/mesh/service.yaml', SERVICE);
  await home.write('repo/mesh/routes.yaml', ROUTES(10));
  await mesh.commit('Begin', 'alice');
  await home.need('repo', 'fairlead', 'trust');
  return mesh;
}

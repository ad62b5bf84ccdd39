import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTreeDigests, openIsomorphic } from '../../src/git/index.ts';
import { makePin, openLine, type Pin, propose } from '../../src/governance/index.ts';
import { formatApproval } from '../../src/votes/index.ts';
import { createRepository, createSshKey } from '../repository.ts';

/** The mesh `acme` in a clone with its bare remote: two of alice and bo have to sign, with SSH keys. */
export type Mesh = {
  /** Path of the bare remote. */
  readonly remote: string;
  /** Path of the pin file. */
  readonly pin: string;
  /** Writes a file of the clone, from the repository's root. */
  write(path: string, text: string): Promise<void>;
  /** Commits the clone, signed where a name is given, and pushes it; the remote's new tip. */
  push(message: string, signer?: Signer): Promise<string>;
  /** Signs and pushes, as bo or whoever is named, an approval of what the tip proposes for `acme`; the remote's new tip. */
  approve(signer?: Signer): Promise<string>;
  close(): Promise<void>;
};

type Signer = 'alice' | 'bo';

export const HOST = 'echo.demo.svc.cluster.local';

/** Makes it in `folder`, with two echo services behind `HOST` on ports of 127.0.0.1, v2 getting a tenth. */
export async function createMesh(folder: string, ports: readonly [number, number]): Promise<Mesh> {
  const repository = await createRepository();
  const ssh = {
    alice: await createSshKey(folder, 'alice'),
    bo: await createSshKey(folder, 'bo'),
  };
  const publicKey = async (name: Signer) => (await readFile(`${ssh[name]}.pub`, 'utf8')).trim();
  const remote = join(folder, 'remote.git');
  const push = async (message: string, signer?: Signer) => {
    const tip = await repository.commit(message, signer === undefined ? {} : { sign: { ssh: ssh[signer] } });
    await repository.git('push', '--quiet', remote, 'main');
    return tip;
  };
  await repository.git('init', '--quiet', '--bare', '--initial-branch=main', remote);
  await repository.write('mesh/scope.yaml', scopeYaml(await publicKey('alice'), await publicKey('bo')));
  await repository.write('mesh/echo.yaml', echoYaml(ports));
  await repository.write('mesh/routes.yaml', routesYaml(10));
  const pin = await pinOf(repository.gitdir, await push('genesis'));
  const pinFile = join(folder, 'pin.json');
  await writeFile(pinFile, JSON.stringify({ apiVersion: 'fairlead.dev/v1alpha1', kind: 'Pin', ...pin }));
  return {
    remote,
    pin: pinFile,
    write: repository.write,
    push,
    approve: async (signer = 'bo') => push(`Approve\n\n${await approval(repository.gitdir, pin)}`, signer),
    close: repository.close,
  };
}

async function pinOf(gitdir: string, genesis: string): Promise<Pin> {
  const objects = await openIsomorphic({ gitdir });
  const made = await makePin(objects, createTreeDigests(objects), genesis, 'mesh');
  if (!made.ok) throw new Error(made.reason);
  return made.pin;
}

/** The line that approves what the tip of main proposes for the root scope. */
async function approval(gitdir: string, pin: Pin): Promise<string> {
  const objects = await openIsomorphic({ gitdir });
  const line = openLine(objects, createTreeDigests(objects), pin);
  const tip = await objects.resolve('main');
  const verdict = await line.state(tip);
  if (!verdict.ok) throw new Error(verdict.reason);
  const [proposal] = await propose(line, objects, verdict.state, tip);
  if (proposal?.outcome.kind !== 'candidate') throw new Error('the tip proposes nothing');
  const { seq, base, next } = proposal.outcome.candidate;
  return formatApproval({ uid: proposal.scope.uid, seq, base, next });
}

function scopeYaml(alice: string, bo: string): string {
  return `apiVersion: fairlead.dev/v1alpha1
kind: Scope
metadata: { name: acme }
spec:
  ruleset: 1
  salt: 5b0c9a4e7f1d42c6a3e88d10b7f4c92e
  anchors:
    - { name: alice, keys: [{ ssh: "${alice}" }] }
    - { name: bo, keys: [{ ssh: "${bo}" }] }
  quorum: { threshold: 2 }
  owns: { namespaces: ["*"], hosts: ["*"] }
`;
}

function echoYaml([v1, v2]: readonly [number, number]): string {
  const workload = (version: string, port: number) => `---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: echo-${version}, namespace: demo }
spec:
  address: 127.0.0.1
  ports: { http: ${port} }
  labels: { app: echo, version: ${version} }
`;
  return `apiVersion: v1
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
  host: ${HOST}
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
${workload('v1', v1)}${workload('v2', v2)}`;
}

/** The route to both versions; `v2` percent of the requests go to v2. */
export function routesYaml(v2: number): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo, namespace: demo }
spec:
  hosts: [${HOST}]
  http:
    - route:
        - destination: { host: ${HOST}, subset: v1 }
          weight: ${100 - v2}
        - destination: { host: ${HOST}, subset: v2 }
          weight: ${v2}
`;
}

/** A TCP service: every proxy listens for it on this port of its own loopback. */
export function tcpYaml(port: number): string {
  return `apiVersion: v1
kind: Service
metadata: { name: ledger, namespace: demo }
spec: { ports: [{ name: tcp, port: ${port} }] }
`;
}

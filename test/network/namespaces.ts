import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Child, startChild } from '../../src/cli/demo/child.ts';
import { run } from '../repository.ts';

const script = join(import.meta.dirname, '../../deploy/redirect/redirect.sh');
const application = join(import.meta.dirname, 'application.ts');

/** The user that Envoy runs as, whose connections are not captured. */
const PROXY_UID = '1337';

/** Network namespaces on one bridge, as hosts of a small network are. Needs root, `ip` and `iptables`. */
export type Network = {
  /** Address of this process in the network. */
  readonly address: string;
  /** A new host; `hosts`: what its programs look up, by name. */
  host(name: string, hosts?: Readonly<Record<string, string>>): Promise<Host>;
  /** Ends what runs in it and removes it, last first, even where some of it fails. */
  close(): Promise<void>;
};

export type Host = {
  readonly address: string;
  /** IPv6. */
  readonly address6: string;
  /** Sends its connections through the sidecar, as a user would: with `deploy/redirect`. */
  redirect(): Promise<void>;
  /** Runs a program to its end; its standard output. */
  run(program: string, ...args: readonly string[]): Promise<string>;
  /** Starts a program that says `ready` on its standard error, and waits for it. */
  start(program: Program): Promise<Child>;
  /** Starts an application (`application.ts`) that listens at all addresses of the host. */
  serve(kind: 'http' | 'tcp', port: number, name: string): Promise<void>;
  /** The answers that an application of the host gets. */
  get(url: string, count?: number, header?: string): Promise<readonly string[]>;
  /** What an application of the host is told when it connects. */
  talk(address: string, port: number): Promise<string>;
};

type Program = {
  readonly program: string;
  readonly args: readonly string[];
  readonly ready: RegExp;
  /** As the user of the proxy instead of root. */
  readonly as?: 'proxy';
  /** File of its standard error. */
  readonly log: string;
};

let networks = 0;

/** `folder`: for the logs. Names and addresses are this process' own, so that several may run at once: process ids that are alive together are not 25,600 apart. */
export async function createNetwork(folder: string): Promise<Network> {
  networks += 1;
  const id = `fl${process.pid}-${networks}`;
  const at = process.pid + 7_919 * networks;
  const subnet = `10.${100 + ((at >> 8) % 100)}.${at % 256}`;
  await using making = new AsyncDisposableStack();
  await ip('link', 'add', id, 'type', 'bridge');
  making.defer(() => ip('link', 'del', id));
  await ip('address', 'add', `${subnet}.1/24`, 'dev', id);
  const subnet6 = `fd00:${networks % 10_000}:${process.pid % 10_000}:`;
  await ip('address', 'add', `${subnet6}:1/64`, 'dev', id, 'nodad');
  await ip('link', 'set', id, 'up');
  const made = making.move();
  let hosts = 0;
  return {
    address: `${subnet}.1`,
    async host(name, names = {}) {
      hosts += 1;
      const addresses: Addresses = {
        address: `${subnet}.${hosts + 1}`,
        address6: `${subnet6}:${hosts + 1}`,
        routers: [`${subnet}.1`, `${subnet6}:1`],
      };
      const space = `${id}-${name}`;
      const interfaces = [`v${networks}-${process.pid}-${hosts}`, 'eth0'] as const;
      await addNamespace(made, space, names);
      await connectTo(id, space, addresses, interfaces);
      return hostOf(made, space, addresses, folder);
    },
    close: () => made.disposeAsync(),
  };
}

type Addresses = Pick<Host, 'address' | 'address6'> & { readonly routers: readonly [string, string] };

async function addNamespace(
  made: AsyncDisposableStack,
  space: string,
  names: Readonly<Record<string, string>>,
): Promise<void> {
  // `ip netns exec` shows its programs these files in place of those in /etc.
  const files = join('/etc/netns', space);
  made.defer(() => rm(files, { recursive: true, force: true }));
  await mkdir(files, { recursive: true });
  const lines = Object.entries({ localhost: '127.0.0.1', ...names }).map(([host, to]) => `${to} ${host}\n`);
  await writeFile(join(files, 'hosts'), lines.join(''));
  await ip('netns', 'add', space);
  made.defer(() => ip('netns', 'del', space));
}

async function connectTo(
  bridge: string,
  space: string,
  { address, address6, routers }: Addresses,
  [outside, inside]: readonly [string, string],
): Promise<void> {
  await ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', inside, 'netns', space);
  await ip('link', 'set', outside, 'master', bridge, 'up');
  const within = ['-n', space] as const;
  await ip(...within, 'address', 'add', `${address}/24`, 'dev', inside);
  // Without a search for duplicates, which would take a second.
  await ip(...within, 'address', 'add', `${address6}/64`, 'dev', inside, 'nodad');
  await ip(...within, 'link', 'set', inside, 'up');
  await ip(...within, 'link', 'set', 'lo', 'up');
  // Virtual addresses are of no network: without a route, the kernel would not even try.
  for (const router of routers) await ip(...within, 'route', 'add', 'default', 'via', router);
}

function hostOf(
  made: AsyncDisposableStack,
  space: string,
  { address, address6 }: Addresses,
  folder: string,
): Host {
  const within = ['netns', 'exec', space] as const;
  const runHere = async (program: string, ...args: readonly string[]) =>
    (await run('ip', [...within, program, ...args])).toString();
  const ask = (...args: readonly string[]) => runHere(process.execPath, application, ...args);
  const start: Host['start'] = async ({ program, args, ready, as, log }) => {
    const identity = ['--reuid', PROXY_UID, '--regid', PROXY_UID, '--clear-groups'];
    const before = as === undefined ? [] : ['setpriv', ...identity, '--'];
    const child = startChild({
      program: 'ip',
      args: [...within, ...before, program, ...args],
      cwd: '/',
      environment: process.env,
      log,
      ready,
    });
    made.defer(child.close);
    await child.ready;
    return child;
  };
  return {
    address,
    address6,
    redirect: async () => void (await runHere('sh', script, 'apply')),
    run: runHere,
    start,
    async serve(kind, port, name) {
      const args = [application, kind, '::', String(port), name];
      const log = join(folder, `${name}-${port}.log`);
      await start({ program: process.execPath, args, ready: /^listening$/, log });
    },
    get: async (url, count = 1, header = '') =>
      (await ask('get', url, String(count), header)).trimEnd().split('\n'),
    talk: (to, port) => ask('talk', to, String(port)),
  };
}

async function ip(...args: readonly string[]): Promise<void> {
  await run('ip', args);
}

import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { expect } from 'vitest';
import { createSite, hint } from '../server.ts';
import { AdsClient } from '../xds/client.ts';
import { CLUSTER, LISTENER, ROUTE } from '../xds/resources.ts';
import { startMeasured } from './measured.ts';
import type { Measured } from './measuring.ts';

const loadChild = join(import.meta.dirname, '../bench/load-child.ts');
/** What they are told is larger than what is kept of one of them. */
const SERVICES = 40;

type Storm = {
  /** When all were there for the first time; after they had all come back once, and twice. */
  readonly calm: Measured;
  readonly once: Measured;
  readonly twice: Measured;
  /** What the proxies were sent as they came back for the first time. */
  readonly sentBytes: number;
};

/**
 * So many proxies that are there lose their connections and come back all at once, twice: each gets all that it should
 * have, also of a commit that is made meanwhile, and one that had stayed is answered between them.
 */
export async function storm(proxies: number): Promise<Storm> {
  await using cleanup = new AsyncDisposableStack();
  const site = await createSite();
  cleanup.defer(() => site.close());
  await site.repository.write(
    'mesh/many.yaml',
    Array.from({ length: SERVICES }, (_, at) => manifests(at)).join(''),
  );
  await site.change('calm', 'alice');
  const server = await startMeasured(site);
  cleanup.defer(() => server.close());
  const load = startLoad(server.xdsPort, proxies);
  cleanup.defer(() => load.close());
  await load.said('syncMs');
  await load.ask('take');
  const calm = await settled(server);

  const stayed = openStayed(server.xdsPort);
  cleanup.defer(() => stayed.close());
  await expect.poll(() => stayed.has('calm')).toBe(true);
  const tip = await site.change('meanwhile', 'alice');
  let isOver = false;
  const over = load.ask('storm').finally(() => {
    isOver = true;
  });
  over.catch(() => {}); // It is awaited when the one that stayed is answered.
  await hint(server.httpPort);
  let answers = 0;
  for (; !isOver; answers += 1) await stayed.answered();
  expect(answers, 'answers to the one that stayed, while the others came back').toBeGreaterThan(3);
  await over;
  const { bytes: sentBytes = 0 } = await load.ask('take');
  await allHave(server, tip, proxies);
  const onceAgain = await settled(server);

  await load.ask('storm');
  await allHave(server, tip, proxies);
  return { calm, once: onceAgain, twice: await settled(server), sentBytes };
}

/** What comes back holds as much as before, however often, and little more while it does. */
export function expectBounded({ calm, once: first, twice }: Storm): void {
  expect(first.bytes / calm.bytes).toBeLessThan(1.3);
  expect(twice.bytes / first.bytes).toBeLessThan(1.1);
  expect(twice.peakBytes / calm.peakBytes).toBeLessThan(2);
  expect(twice.files).toBeLessThan(calm.files + 10);
}

/** Encoded responses are kept for those who ask for the same at once, and let go soon: what is held when no more is let go. */
async function settled(server: Awaited<ReturnType<typeof startMeasured>>): Promise<Measured> {
  let last = await server.measure();
  let looks = 0;
  await expect
    .poll(
      async () => {
        const before = last.bytes;
        last = await server.measure();
        looks += 1;
        return looks > 2 && last.bytes / before > 0.98;
      },
      { interval: 700 },
    )
    .toBe(true);
  return last;
}

type Proxies = {
  readonly items: readonly {
    readonly proxy: string;
    readonly fullyAcked: { readonly revision: string } | null;
  }[];
  readonly next: string | null;
};

/** Each of them has all of the tip acknowledged, and of its earlier connection nothing is left. */
async function allHave(
  server: Awaited<ReturnType<typeof startMeasured>>,
  tip: string,
  proxies: number,
): Promise<void> {
  await expect
    .poll(() => server.metric('fairlead_xds_connected_proxies'), { timeout: 60_000 })
    .toBe(proxies + 1);
  let after: string | null = '';
  while (after !== null) {
    const path: string = `/api/v1/proxies?limit=500${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`;
    const have = ({ items }: Proxies) => items.every(({ fullyAcked }) => fullyAcked?.revision === tip);
    after = (await server.says<Proxies>(path, have)).next;
  }
}

/** A proxy that has been there all the while. */
function openStayed(port: number): {
  has(service: string): boolean;
  answered(): Promise<void>;
  close(): void;
} {
  const client = new AdsClient(port);
  const heard = new Set<string>();
  const routes = new EventEmitter();
  const take = async () => {
    for (;;) {
      const response = await client.next();
      client.ack(response);
      for (const { name } of response.resources) heard.add(name);
      if (response.typeUrl === ROUTE) routes.emit('heard');
    }
  };
  client.send({ node: { id: 'sidecar~10.0.0.1~stayed-1.shop~shop.svc.cluster.local' }, typeUrl: CLUSTER });
  client.send({ typeUrl: LISTENER });
  client.send({ typeUrl: ROUTE, resourceNamesSubscribe: ['http_proxy'] });
  take().catch(() => {}); // It ends with the stream.
  return {
    has: (service) => [...heard].some((name) => name.includes(`|${service}.`)),
    // Who asks for a name again may have forgotten it, and is told again.
    async answered() {
      const told = once(routes, 'heard');
      client.send({ typeUrl: ROUTE, resourceNamesSubscribe: ['http_proxy'] });
      await told;
    },
    close: () => client.close(),
  };
}

type Said = { readonly syncMs?: number; readonly bytes?: number };

/** The proxies: a process of their own, that answers each line that it is told with one. */
function startLoad(port: number, proxies: number) {
  const child: ChildProcess = spawn(process.execPath, [loadChild, `${port}`, `${proxies}`, '1'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the proxies ended with ${code}`);
  });
  ended.catch(() => {});
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('it has no pipes');
  const lines: Interface = createInterface({ input: stdout });
  const said = async (key: keyof Said): Promise<Said> => {
    const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string];
    const answer = JSON.parse(line) as Said;
    if (!(key in answer)) throw new Error(`the proxies say ${line}`);
    return answer;
  };
  return {
    said,
    ask(what: 'take' | 'storm') {
      stdin.write(`${what}\n`);
      return said(what === 'take' ? 'bytes' : 'syncMs');
    },
    async close() {
      child.kill('SIGKILL');
      await ended.catch(() => {});
    },
  };
}

function manifests(at: number): string {
  return `---
apiVersion: v1
kind: Service
metadata: { name: many-${at}, namespace: shop }
spec: { ports: [{ name: http, port: 80 }] }
`;
}

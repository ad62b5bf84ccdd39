import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild } from '../../src/cli/demo/child.ts';
import type { Snapshot } from '../../src/translate/index.ts';
import { envoyPath } from '../envoy.ts';
import { staticBootstrap } from './static.ts';

type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

type Asked = {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** A real Envoy, with one worker, that does what a snapshot says. */
export type Running = {
  /** Sends one request, on a connection of its own, through its HTTP proxy port. */
  ask(host: string, options?: Asked): Promise<Answer>;
  /** Value of a counter or gauge; 0 where it is not there yet. */
  stat(name: string): Promise<number>;
  /** Its statistics as Prometheus reads them. */
  prometheus(): Promise<string>;
  /** All that it wrote to its outputs. */
  output(): Promise<string>;
  close(): Promise<void>;
};

/** `bootstrapOf`: how the snapshot is run without a control plane. */
export async function run(
  snapshot: Snapshot,
  httpProxyPort: number,
  bootstrapOf: (snapshot: Snapshot) => object = staticBootstrap,
): Promise<Running> {
  const dir = await mkdtemp(join(tmpdir(), 'fairlead-running-'));
  const [file, log, admin] = [join(dir, 'envoy.json'), join(dir, 'envoy.log'), join(dir, 'admin')];
  const listening = { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } };
  await writeFile(file, JSON.stringify({ admin: listening, ...bootstrapOf(snapshot) }));
  const flags = ['--disable-hot-restart', '--concurrency', '1', '--log-level', 'info'];
  flags.push('--file-flush-interval-msec', '20');
  const args = ['-c', file, ...flags, '--admin-address-path', admin];
  const ready = /all dependencies initialized/;
  const program = await envoyPath();
  const child = startChild({ program, args, cwd: dir, environment: process.env, log, ready });
  await child.ready;
  const stat = async (name: string) => {
    const answer = await fetch(`http://${await readFile(admin, 'utf8')}/stats?format=json`);
    const { stats } = (await answer.json()) as { stats: readonly { name?: string; value?: number }[] };
    return stats.find((found) => found.name === name)?.value ?? 0;
  };
  // Its listeners are open when its workers run.
  while ((await stat('listener_manager.workers_started')) === 0) await child.ready;
  return {
    stat,
    prometheus: async () => (await fetch(`http://${await readFile(admin, 'utf8')}/stats/prometheus`)).text(),
    output: () => readFile(log, 'utf8'),
    ask: (host, { method = 'GET', path = '/', headers = {} } = {}) =>
      send({ port: httpProxyPort, method, path, headers: { ...headers, host } }),
    async close() {
      await child.close();
      await rm(dir, { recursive: true });
    },
  };
}

type Sent = {
  readonly port: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
};

function send({ port, method, path, headers }: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    sent.on('error', reject);
    sent.end();
  });
}

import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { freePorts } from '../../src/cli/demo/services.ts';
import type { Snapshot } from '../../src/translate/index.ts';
import type { ScopeText } from '../mesh/world.ts';
import { type Running, run } from './running.ts';
import { staticBootstrap } from './static.ts';
import { proxyAt, snapshotOf } from './world.ts';

type Client = {
  readonly ip?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly locality?: string;
  /** Further metadata of its node. */
  readonly more?: Readonly<Record<string, unknown>>;
  readonly bootstrapOf?: (snapshot: Snapshot) => object;
};

/** Servers and real Envoys of one test, which end with it. */
export class Stand implements AsyncDisposable {
  readonly #open = new AsyncDisposableStack();

  /** An HTTP server that answers with its name, or as it is told; gives its port. */
  async backend(name: string, address = '127.0.0.1', answer?: RequestListener, port = 0): Promise<number> {
    const server = createServer(answer ?? ((_, response) => response.end(name)));
    return this.#listen(server, { host: address, port });
  }

  /** The same at a Unix domain socket. */
  async socket(name: string, path: string): Promise<void> {
    await this.#listen(
      createServer((_, response) => response.end(name)),
      { path },
    );
  }

  /** A server that says its name to whoever connects; gives its port. */
  async speaker(name: string, address = '127.0.0.1'): Promise<number> {
    return this.#listen(
      createTcpServer((socket) => socket.end(name)),
      { host: address, port: 0 },
    );
  }

  /** A sidecar of a namespace in capture mode `ports`. */
  async client(
    namespace: string,
    scopes: readonly ScopeText[],
    { ip = '10.0.0.1', labels = {}, locality = '', more = {}, bootstrapOf = staticBootstrap }: Client = {},
  ): Promise<Running> {
    const [httpProxyPort = 0] = await freePorts(1);
    const place = locality === '' ? {} : { 'istio-locality': locality };
    const metadata = { FAIRLEAD: { httpProxyPort }, LABELS: { ...labels, ...place }, ...more };
    const snapshot = snapshotOf(proxyAt(ip, namespace, metadata), ...scopes);
    const running = await run(snapshot, httpProxyPort, bootstrapOf);
    this.#open.defer(() => running.close());
    return running;
  }

  /** What ends with the test, too. */
  defer(close: () => Promise<void>): void {
    this.#open.defer(close);
  }

  /** A gateway of a namespace. */
  async gateway(namespace: string, scopes: readonly ScopeText[], labels = {}): Promise<Running> {
    const proxy = proxyAt('10.0.0.2', namespace, { LABELS: labels }, 'router');
    const running = await run(snapshotOf(proxy, ...scopes), 0);
    this.#open.defer(() => running.close());
    return running;
  }

  async #listen(server: Server | ReturnType<typeof createTcpServer>, where: object): Promise<number> {
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => sockets.add(socket));
    server.listen(where);
    await once(server, 'listening');
    this.#open.defer(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const address = server.address();
    return typeof address === 'string' ? 0 : (address as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open.disposeAsync();
  }
}

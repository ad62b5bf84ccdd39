import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gitEnvironment } from '../repository.ts';

export type HttpRemote = {
  /** `http://127.0.0.1:<port>`, without a path. */
  readonly url: string;
  /** `METHOD /path?query` of each request so far. */
  readonly requests: string[];
  /** Bytes of each answer so far. */
  readonly sent: number[];
  close(): Promise<void>;
};

/** Serves all repositories below `root` by git's own smart HTTP (`git http-backend`); `before` each request. */
export function serveGit(root: string, before: () => Promise<unknown> = async () => {}): Promise<HttpRemote> {
  return serve((request, response) => void before().then(() => answerGit(root, request, response)));
}

/** Serves whatever `answer` does: remotes that hang, break off or lie. */
export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<HttpRemote> {
  const requests: string[] = [];
  const sent: number[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const { socket } = request;
    const before = socket.bytesWritten;
    response.on('finish', () => void sent.push(socket.bytesWritten - before));
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, requests, sent, close: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

/** One CGI request (RFC 3875): the environment in, headers and body out. */
export function answerGit(root: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '/', 'http://localhost');
  const env = {
    ...process.env,
    ...gitEnvironment,
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    PATH_INFO: decodeURIComponent(pathname),
    QUERY_STRING: search.slice(1),
    REQUEST_METHOD: request.method ?? 'GET',
    CONTENT_TYPE: request.headers['content-type'] ?? '',
    HTTP_CONTENT_ENCODING: String(request.headers['content-encoding'] ?? ''),
  };
  const child = spawn('git', ['http-backend'], { env, stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.on('error', () => {});
  request.pipe(child.stdin);
  // Who goes away in the middle of it leaves nothing behind that waits for the rest.
  request.on('close', () => void (request.complete || child.kill()));
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('close', () => {
    const output = Buffer.concat(chunks);
    const end = output.indexOf('\r\n\r\n');
    if (end === -1) return void response.destroy();
    for (const line of output.toString('latin1', 0, end).split('\r\n')) {
      const [name = '', value = ''] = line.split(/: (.*)/);
      if (name === 'Status') response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.end(output.subarray(end + 4));
  });
}

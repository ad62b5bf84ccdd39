import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { createAuthority } from '../translate/certificates.ts';
import { answerGit } from './http-remote.ts';

export type HttpsRemote = {
  /** `https://localhost:<port>`, without a path. */
  readonly url: string;
  /** Of the authority that signed its certificate. */
  readonly caFile: string;
  /** The only login that is let in; it may be changed. */
  login: string;
  /** Of every request: what it said to be let in; '' where it said nothing. */
  readonly logins: string[];
  close(): Promise<void>;
};

/** Git's own smart HTTP over TLS, of an authority that nobody knows, for one login. */
export async function serveGitSecurely(root: string): Promise<HttpsRemote> {
  const authority = await createAuthority();
  const { cert, key } = await authority.issue('localhost');
  const remote = { caFile: authority.caFile, login: '', logins: [] as string[] };
  const server = createServer({ cert, key }, (request, response) => {
    const said = Buffer.from(
      (request.headers.authorization ?? '').replace('Basic ', ''),
      'base64',
    ).toString();
    remote.logins.push(said);
    if (said === remote.login) return answerGit(root, request, response);
    response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await authority.remove();
  };
  return Object.assign(remote, { url: `https://localhost:${port}`, close });
}

/** An http proxy that tunnels (RFC 9110, CONNECT); where to, in the order in which it was asked. */
export async function serveProxy(): Promise<{ url: string; asked: string[]; close(): Promise<void> }> {
  const asked: string[] = [];
  const server = createHttpServer();
  server.on('connect', (request, client, head) => {
    asked.push(request.url ?? '');
    const { hostname, port } = new URL(`http://${request.url}`);
    const upstream = connect(Number(port), hostname, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    for (const socket of [client, upstream]) socket.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, asked, close: async () => void server.close() };
}

/**
 * What stands behind or before a sidecar, and knows nothing of a mesh. As a server it says `listening` and goes on until
 * it is ended; as a client it prints what it was told and ends.
 *
 *   http ADDRESS PORT NAME    answers every request with NAME and where it came from
 *   tcp ADDRESS PORT NAME     speaks first: NAME, then ends
 *   get URL COUNT [HEADER=VALUE]   the answers, one a line
 *   talk ADDRESS PORT         what the other side says before it ends
 */
import { createServer as createHttpServer, request } from 'node:http';
import { connect, createServer, type Server, type Socket } from 'node:net';

const [what, where = '', third = '', fourth = ''] = process.argv.slice(2);

switch (what) {
  case 'http':
    listen(createHttpServer(({ socket }, response) => response.end(`${fourth} ${caller(socket)}`)));
    break;
  case 'tcp':
    listen(createServer((socket) => void socket.on('error', () => {}).end(`${fourth} ${caller(socket)}`)));
    break;
  case 'get':
    for (let left = Number(third); left > 0; left -= 1) process.stdout.write(`${await get(where, fourth)}\n`);
    break;
  case 'talk':
    process.stdout.write(await talk(where, Number(third)));
    break;
  default:
    throw new Error(`unknown: ${what}`);
}

/** IPv4 callers of a socket for both families are written as IPv6. */
function caller({ remoteAddress = '' }: Socket): string {
  return remoteAddress.replace(/^::ffff:/, '');
}

function listen(server: Server): void {
  server.listen(Number(third), where, () => process.stderr.write('listening\n'));
}

function get(url: string, header: string): Promise<string> {
  const [name = '', value = ''] = header.split('=');
  const headers = header === '' ? {} : { [name]: value };
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers, timeout: 10_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(`${response.statusCode} ${Buffer.concat(chunks)}`.trim()));
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer in 10 s')));
    sent.on('error', reject);
    sent.end();
  });
}

function talk(address: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, address);
    const chunks: Buffer[] = [];
    socket.setTimeout(10_000, () => socket.destroy(new Error('nothing said in 10 s')));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
  });
}

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type ApiError, errorText } from './answer.ts';

type Refusal = readonly [status: number, error: ApiError];

const MALFORMED: Refusal = [
  400,
  {
    code: 'bad-request',
    message: 'what came is no HTTP/1.1 request',
    fix: 'send it as RFC 9112 has it: printable headers, and either Content-Length or Transfer-Encoding',
  },
];

/** By the code of Node's error. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: [
    431,
    { code: 'too-large', message: 'the headers are too large', fix: 'send at most 16 KiB of them' },
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [
    408,
    { code: 'timeout', message: 'the request did not come whole in time', fix: 'send all of it at once' },
  ],
};

/**
 * Answers what Node's parser refuses, of which no route hears, and closes the connection. Says nothing of the request.
 * `answering`: the latest response on a connection.
 */
export function refuseUnreadable(
  { code = '' }: { readonly code?: string },
  socket: Socket,
  answering: ServerResponse | undefined,
): void {
  // In the middle of another answer it would be read as a part of that.
  const isBusy = answering?.headersSent === true && !answering.writableEnded;
  if (code === 'ECONNRESET' || !socket.writable || isBusy) {
    socket.destroy();
    return;
  }
  const [status, error] = REFUSALS[code] ?? MALFORMED;
  const body = errorText(error);
  const head = Object.entries(headersOf(body)).map(([name, value]) => `${name}: ${value}`);
  socket.write([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...head, '', body].join('\r\n'));
  socket.destroySoon();
}

const UNEXPECTED: ApiError = {
  code: 'bad-request',
  message: 'what the header Expect asks for is not known',
  fix: 'leave it out; 100-continue alone is known',
};

/** Answers what expects something else than 100 (RFC 9110, 10.1.1), of which no route hears either. */
export function refuseExpectation(_: IncomingMessage, response: ServerResponse): void {
  const body = errorText(UNEXPECTED);
  response.writeHead(417, headersOf(body)).end(body);
}

/** The connection ends: what still comes of the request is not read. */
function headersOf(body: string) {
  return {
    'cache-control': 'no-store',
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  };
}

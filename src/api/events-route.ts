import type { FastifyInstance, FastifyReply } from 'fastify';
import { answer, refuse } from './answer.ts';
import { operations } from './operations/index.ts';
import type { ApiEvent, ApiSource } from './source.ts';

type Limits = Readonly<Record<'readers' | 'backlogBytes' | 'heartbeatMs', number>>;

export const EVENT_LIMITS: Limits = {
  /** How many may follow at the same time. */
  readers: 100,
  /** What may wait for one of them; then it is cut off, and comes back with what it has seen last. */
  backlogBytes: 1_048_576,
  /** So that whoever is between does not take a quiet stream for a dead one. */
  heartbeatMs: 15_000,
};

/**
 * Events after an id: as a list, or, where `text/event-stream` is asked for, followed as they happen (HTML, Server-sent
 * events), from `Last-Event-ID` on.
 */
export function eventsRoute(app: FastifyInstance, source: ApiSource, limits = EVENT_LIMITS): void {
  const readers = new Set<() => void>();
  app.addHook('preClose', async () => {
    for (const end of readers) end();
  });
  const options = { schema: operations.events };
  app.get<{ Querystring: { after: string } }>('/api/v1/events', options, (request, reply) => {
    const { accept = '', 'last-event-id': last } = request.headers;
    const after = typeof last === 'string' ? last : request.query.after;
    if (!accept.includes('text/event-stream')) return answer(reply, 'EventList', source.eventsSince(after));
    // Node leaves the body of such an answer out: it would be a stream of nothing.
    if (request.method === 'HEAD') return reply.headers(STREAM).send();
    if (readers.size >= limits.readers) {
      const message = `${limits.readers} readers follow already`;
      return refuse(reply, 503, { code: 'too-many', message, fix: 'list them, or come back later' });
    }
    follow(reply, source, after, { limits, readers });
    return reply;
  });
}

const STREAM = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' };

type Following = { readonly limits: Limits; readonly readers: Set<() => void> };

function follow(reply: FastifyReply, source: ApiSource, after: string, { limits, readers }: Following): void {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, STREAM);
  const write = (text: string) => {
    raw.write(text);
    if (raw.writableLength > limits.backlogBytes) raw.destroy();
  };
  const end = () => raw.end();
  readers.add(end);
  let unsubscribe = () => {};
  replay(raw, source, after, () => {
    unsubscribe = source.onEvent((event) => write(format(event)));
  });
  const heartbeat = setInterval(() => write(':\n\n'), limits.heartbeatMs);
  raw.on('close', () => {
    clearInterval(heartbeat);
    unsubscribe();
    readers.delete(end);
  });
}

const COMPLETE = ': all that is kept follows\n\n';
const INCOMPLETE = ': older events are not kept any more\n\n';

/**
 * Writes what is kept after an id as fast as it is read, so that no more of it waits than a piece, and what happens meanwhile.
 * `done` is called in the same turn in which there is no more.
 */
function replay(raw: FastifyReply['raw'], source: ApiSource, after: string, done: () => void): void {
  let seen = after;
  let said = '';
  const goOn = () => {
    if (raw.writableEnded || raw.destroyed) return;
    const { items, complete } = source.eventsSince(seen);
    const words = complete ? COMPLETE : INCOMPLETE;
    if (said !== INCOMPLETE && said !== words) raw.write(words);
    said = said === INCOMPLETE ? said : words;
    for (const event of items) {
      seen = event.id;
      if (raw.write(format(event))) continue;
      raw.once('drain', goOn);
      return;
    }
    done();
  };
  goOn();
}

function format(event: ApiEvent): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

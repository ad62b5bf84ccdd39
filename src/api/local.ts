import type { FastifyRequest } from 'fastify';

type Request = Pick<FastifyRequest, 'ip' | 'headers' | 'hostname'>;

export function isLoopback(ip: string): boolean {
  return ip === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(ip);
}

/** The peer of the socket, and not somebody that a proxy on this machine speaks for: such a header only takes rights away. */
export function isLocal({ ip, headers }: Omit<Request, 'hostname'>): boolean {
  const forwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];
  return isLoopback(ip) && forwarded.every((name) => headers[name] === undefined);
}

/**
 * A program of this machine, and no page in its browser: one cannot send this header to another origin without being asked
 * for leave, which nobody gives, and one whose name was made to point here says that name as the host.
 */
export function isLocalProgram({ ip, headers, hostname }: Request): boolean {
  const isHere = isLocal({ ip, headers }) && /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/.test(hostname);
  return isHere && headers.origin === undefined && headers['x-fairlead'] === 'cli';
}

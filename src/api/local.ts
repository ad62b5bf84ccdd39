import type { FastifyRequest } from 'fastify';

export function isLoopback(ip: string): boolean {
  return ip === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(ip);
}

/** The peer of the socket, and not somebody that a proxy on this machine speaks for: such a header only takes rights away. */
export function isLocal({ ip, headers }: Pick<FastifyRequest, 'ip' | 'headers'>): boolean {
  const forwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];
  return isLoopback(ip) && forwarded.every((name) => headers[name] === undefined);
}

import { fileURLToPath } from 'node:url';
import { remoteUnsupported } from './failures.ts';

/** How a remote is reached. Only these: no `ext::`, no `git://`, nothing that a program could take for an option. */
export type RemoteKind = 'http' | 'path' | 'ssh';

/** Throws `Failure` `remote-unsupported`. */
export function remoteKind(url: string): RemoteKind {
  if (/^https?:\/\//i.test(url)) return isHttp(url) ? 'http' : unsupported(url);
  if (/^file:/i.test(url) || !/^[^/]+:/.test(url)) return 'path';
  return SSH_URL.test(url) || SCP_LIKE.test(url) ? 'ssh' : unsupported(url);
}

/** The folder that a `file://` URL or a path names. */
export function remotePath(url: string): string {
  if (!/^file:/i.test(url)) return url;
  try {
    return fileURLToPath(url);
  } catch {
    throw remoteUnsupported(url);
  }
}

const USER = '(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?';
const HOST = '(?:[A-Za-z0-9][A-Za-z0-9.-]*|\\[[0-9a-fA-F:.]+\\])';
/** `ssh://[user@]host[:port]/path` */
const SSH_URL = new RegExp(`^ssh://${USER}${HOST}(?::[0-9]{1,5})?/[^\\s\\p{Cc}]+$`, 'u');
/** `[user@]host:path`, as `scp` has it. */
const SCP_LIKE = new RegExp(`^${USER}${HOST}:(?![-:]|//)[^\\s\\p{Cc}]+$`, 'u');

function isHttp(url: string): boolean {
  return URL.canParse(url) && !/[\s\\\p{Cc}]/u.test(url); // To some a backslash is a slash: they would see another host.
}

function unsupported(url: string): never {
  throw remoteUnsupported(url);
}

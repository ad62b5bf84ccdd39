import { createHash, hash } from 'node:crypto';

/** SHA-256 as 64 lower-case hex digits. */
export function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const [first, ...rest] = parts;
  if (first !== undefined && rest.length === 0) return hash('sha256', first);
  const all = createHash('sha256');
  for (const part of parts) all.update(part);
  return all.digest('hex');
}

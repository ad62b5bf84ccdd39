// node deploy/redis/secrets.mjs <folder> [prefix]: a new password for a Redis (`redis-password`, for Fairlead), and the list of its
// users (`users.acl`, for Redis), which has only the hash of it. What is there already stays.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder, prefix = 'fairlead'] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write('usage: node deploy/redis/secrets.mjs <folder> [prefix]\n');
  process.exit(64);
}
const files = { password: join(folder, 'redis-password'), users: join(folder, 'users.acl') };
const there = Object.values(files).filter((file) => existsSync(file));
if (there.length > 0) {
  process.stderr.write(`${there.join(' and ')} exists: nothing is changed\n`);
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
const password = randomBytes(32).toString('base64url');
const hash = createHash('sha256').update(password).digest('hex');
writeFileSync(files.password, `${password}\n`, { mode: 0o600, flag: 'wx' });
// Nobody is let in as the default user. But Redis 7 reads its own log back as that one, and leaves out each transaction that this one may
// not do (redis/redis#14541).
writeFileSync(
  files.users,
  `user default off ~* &* +@all\nuser fairlead on #${hash} ~${prefix}:* &${prefix}:* +@all -@dangerous +info +client\n`,
  { mode: 0o644, flag: 'wx' },
);
process.stdout.write(`wrote ${files.password} and ${files.users}\n`);

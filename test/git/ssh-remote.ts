import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '../../src/cli/demo/services.ts';
import { createSshKey } from '../repository.ts';

export type SshRemote = {
  readonly port: number;
  /** A private key that it lets in, and a known hosts file with its host key. */
  readonly keyFile: string;
  readonly knownHostsFile: string;
  close(): Promise<void>;
};

/** A real sshd on loopback that lets in one new key, as the user who runs the tests. All its files are in `folder`. */
export async function serveSsh(folder: string): Promise<SshRemote> {
  const hostKey = await createSshKey(folder, 'host');
  const keyFile = await createSshKey(folder, 'client');
  const authorized = join(folder, 'authorized');
  await writeFile(authorized, await readFile(`${keyFile}.pub`));
  const [port = 0] = await freePorts(1);
  const config = join(folder, 'sshd_config');
  await writeFile(config, sshdConfig({ port, hostKey, authorized, pid: join(folder, 'pid') }));
  // Where sshd drops its privileges, which Debian's init script would make.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Server listening')) resolve();
    });
    child.on('error', reject);
    child.on('close', () => reject(new Error(`sshd: ${said}`)));
  });
  const knownHostsFile = join(folder, 'known_hosts');
  const [type, key] = (await readFile(`${hostKey}.pub`, 'utf8')).split(' ');
  await writeFile(knownHostsFile, `[127.0.0.1]:${port} ${type} ${key}\n`);
  const close = () => {
    child.kill();
    return closed;
  };
  return { port, keyFile, knownHostsFile, close };
}

type Sshd = {
  readonly port: number;
  readonly hostKey: string;
  readonly authorized: string;
  readonly pid: string;
};

function sshdConfig({ port, hostKey, authorized, pid }: Sshd): string {
  return `ListenAddress 127.0.0.1
Port ${port}
HostKey ${hostKey}
AuthorizedKeysFile ${authorized}
PidFile ${pid}
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
AcceptEnv GIT_PROTOCOL
`;
}

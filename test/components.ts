/**
 * The real parts that tests run against. A missing one prints one line that installs it and ends with code 1
 * (`npm test` runs this first).
 */
import { execFileSync } from 'node:child_process';
import { Failure } from '../src/base/failure.ts';
import { envoyPath } from './envoy.ts';

/** Program, how to ask for it, and the Debian package that brings it. */
const programs = [
  { program: 'git', args: ['--version'], debian: 'git' },
  { program: 'gpg', args: ['--version'], debian: 'gnupg' },
  { program: 'ssh-keygen', args: ['-?'], debian: 'openssh-client' },
  { program: '/usr/sbin/sshd', args: ['-?'], debian: 'openssh-server' },
  { program: 'openssl', args: ['version'], debian: 'openssl' },
  // For capture mode `redirect`, in network namespaces.
  { program: 'ip', args: ['-Version'], debian: 'iproute2' },
  { program: 'iptables', args: ['--version'], debian: 'iptables' },
  { program: 'setpriv', args: ['--version'], debian: 'util-linux' },
  // For the alert rules: of the package only this program is used, not the server.
  { program: 'promtool', args: ['--version'], debian: 'prometheus' },
  // Another time for a whole process.
  { program: 'faketime', args: ['--version'], debian: 'faketime' },
  // For the units of deploy/systemd: nothing of it runs.
  { program: 'systemd-analyze', args: ['--version'], debian: 'systemd' },
  { program: 'redis-server', args: ['--version'], debian: 'redis-server' },
  { program: 'curl', args: ['--version'], debian: 'curl' },
  { program: 'python3', args: ['-m', 'pip', '--version'], debian: 'python3-pip' },
] as const;

const missing = programs.filter(({ program, args }) => !runs(program, args));
if (missing.length > 0) fail(`missing ${missing.map(({ program }) => program).join(', ')}`, missing);
if (process.getuid?.() !== 0) {
  process.stderr.write(
    'not root: network namespaces need it: run npm test as root, or in a container of your own\n',
  );
  process.exit(1);
}
await envoyPath().catch((error: unknown) => {
  if (!(error instanceof Failure)) throw error;
  fail(error.message, [{ debian: 'python3-pip' }]);
});

/** Whether the program can be started; those of OpenSSH have no option that succeeds without doing anything. */
function runs(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch (error) {
    const started = typeof (error as { status?: unknown }).status === 'number';
    return started && /ssh/.test(program);
  }
}

function fail(reason: string, packages: readonly { readonly debian: string }[]): never {
  const names = packages.map(({ debian }) => debian).join(' ');
  process.stderr.write(`${reason}: apt-get install -y ${names}\n`);
  process.exit(1);
}

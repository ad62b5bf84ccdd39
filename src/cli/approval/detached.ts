import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { formatToken, tokenBytes } from '../../votes/index.ts';
import type { Clone } from '../clone.ts';
import type { Context } from '../context.ts';
import { gitConfig } from '../keys.ts';
import { run } from '../native.ts';

/** The token that says these statements wherever it stands (formats.md, "Detached"). */
export async function signToken(context: Context, clone: Clone, lines: readonly string[]): Promise<string> {
  const said = tokenBytes(lines);
  const format = (await gitConfig(context, clone.folder, 'gpg.format')) ?? 'openpgp';
  const sign = format === 'ssh' ? signBySsh : signByOpenpgp;
  return formatToken(lines, await sign(context, clone.folder, said));
}

/** With the program and the key that git signs with; the namespace is ours, so that it can never be a commit's. */
async function signBySsh(context: Context, folder: string, said: Uint8Array): Promise<Uint8Array> {
  const program = (await gitConfig(context, folder, 'gpg.ssh.program', 'path')) ?? 'ssh-keygen';
  const key = (await gitConfig(context, folder, 'user.signingkey', 'path')) ?? '';
  const literal = /^(?:key::)?((?:ssh|ecdsa|sk)-\S+ \S+.*)$/.exec(key)?.[1];
  const work = await mkdtemp(join(tmpdir(), 'fairlead-sign-'));
  try {
    const file = join(work, 'key.pub');
    // As git does it: a key that stands in the configuration itself is the agent's.
    if (literal !== undefined) await writeFile(file, `${literal}\n`);
    const named = literal === undefined ? ['-f', key] : ['-f', file, '-U'];
    const { environment, cwd } = context;
    const ran = await run(program, ['-Y', 'sign', '-n', 'fairlead', ...named], {
      environment,
      cwd,
      input: said,
    });
    if (ran.code !== 0) throw unsigned(program, ran.err);
    return dearmored(ran.out);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function dearmored(armor: string): Uint8Array {
  const [, body] =
    /^-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)\n-----END SSH SIGNATURE-----$/.exec(armor.trim()) ??
    [];
  if (body === undefined) throw unsigned('ssh-keygen', 'its answer is no signature');
  return Buffer.from(body, 'base64');
}

async function signByOpenpgp(context: Context, folder: string, said: Uint8Array): Promise<Uint8Array> {
  const program = (await gitConfig(context, folder, 'gpg.program', 'path')) ?? 'gpg';
  const key =
    (await gitConfig(context, folder, 'user.signingkey')) ?? (await gitConfig(context, folder, 'user.email'));
  const args = ['--detach-sign', '--no-armor', '--output', '-', ...(key === null ? [] : ['-u', key])];
  const ran = await run(program, args, { environment: context.environment, input: said });
  if (ran.code !== 0) throw unsigned(program, ran.err);
  return ran.bytes;
}

function unsigned(program: string, said: string): Failure {
  const last = said.split('\n').slice(-2).join(' / ');
  return new Failure(
    'program-failed',
    `${program} signed nothing: ${last}`,
    'git commit -S has to work here',
  );
}

/** Writes a token into the message of a commit that is still to be made, after what stands there; once. */
export async function putInto(file: string, token: string): Promise<void> {
  const message = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw new Failure('file-unreadable', `${file} cannot be read: ${error.message}`, 'name a text file');
  });
  if (message.includes(token)) return;
  const gap = message === '' || message.endsWith('\n\n') ? '' : message.endsWith('\n') ? '\n' : '\n\n';
  await writeFile(file, `${message}${gap}${token}\n`);
}

/** What a person does with a token. */
export function tokenAdvice(into: string | undefined): string {
  if (into !== undefined)
    return `the token is in ${into}: it counts in the message of whatever commit that becomes`;
  return [
    'the token counts in the message of any commit of the main line, so it survives a squash: put it, on a line',
    'of its own, into the text that the squash will have, or into a later commit:',
    '  git commit --allow-empty -m "Approvals" -m <token>',
  ].join('\n');
}

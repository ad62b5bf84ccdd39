import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { createTarGzip } from 'nanotar';
import { Failure } from '../../base/failure.ts';
import { version } from '../../base/version.ts';
import type { Flags as ConfigFlags } from '../../config.ts';
import { collect } from '../bug-report/collect.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { wrap } from '../output.ts';
import { serverOption } from '../server-client.ts';
import { serverOptions } from './serve.ts';

type Flags = ConfigFlags & { readonly server: string; readonly file: string; readonly logFile?: string };

const FOLDER = 'fairlead-bug-report';

export function bugReportCommand(context: Context): Command {
  const command = new Command('bug-report')
    .description(
      'one archive of what somebody needs who looks into it; without secrets; 1 if parts are missing',
    )
    .option('--file <file>', 'where it goes; a file that is there stays', `${FOLDER}.tar.gz`)
    .option('--log-file <file>', "the server's log, of which the last lines go in")
    .addHelpText(
      'after',
      examples('fairlead bug-report --config fairlead.yaml --log-file /var/log/fairlead.log'),
    );
  return serverOptions(serverOption(command, context)).action(async (flags: Flags) =>
    context.finish(await bugReport(context, flags)),
  );
}

async function bugReport(context: Context, { server, file, logFile, ...config }: Flags): Promise<number> {
  const { files, missing } = await collect(context, { server, logFile, config, version: version() });
  const notes = missing.map(({ name, reason }) => `${name}: ${reason}\n`);
  const all = notes.length === 0 ? files : [...files, { name: 'missing.txt', text: notes.join('') }];
  const attrs = { mode: '600', uid: 0, gid: 0 };
  const archive = await createTarGzip(
    all.map(({ name, text }) => ({ name: `${FOLDER}/${name}`, data: text, attrs })),
  );
  await write(resolve(context.cwd, file), archive);
  const { say, out } = context.terminal;
  for (const note of notes) say(wrap(`without ${note.trimEnd()}`, '  '));
  say(`${all.length} files; look through them before you send them: names, hosts and addresses stay`);
  out(`${file}\n`);
  return missing.length === 0 ? exit.ok : exit.findings;
}

/** For its owner alone. Throws Failure report-unwritable. */
async function write(path: string, archive: Uint8Array): Promise<void> {
  try {
    await writeFile(path, archive, { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    const message = isThere ? `${path} is there already` : `${path} cannot be written: ${cause}`;
    throw new Failure('report-unwritable', message, 'name another with --file', { cause });
  }
}

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { envoyPath } from '../envoy.ts';

/** What a real Envoy says about a bootstrap: `OK`, or its complaint. */
export async function validate(bootstrap: object): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-validate-'));
  try {
    const file = join(folder, 'envoy.json');
    await writeFile(file, JSON.stringify(bootstrap));
    const args = ['--mode', 'validate', '-c', file, '--log-level', 'error'];
    await promisify(execFile)(await envoyPath(), args);
    return 'OK';
  } catch (error) {
    const { stderr = '', message } = error as { stderr?: string; message: string };
    return stderr === '' ? message : stderr;
  } finally {
    await rm(folder, { recursive: true });
  }
}

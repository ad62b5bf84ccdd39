import { join } from 'node:path';
import { expect } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { followed, type Site } from '../server.ts';
import type { Measured } from './measuring.ts';
import { startServer } from './process.ts';

/** A whole server in a process of its own, whose memory is its own. */
export type MeasuredServer = {
  readonly xdsPort: number;
  readonly httpPort: number;
  measure(): Promise<Measured>;
  /** What its interface answers on this path, as JSON where it is, once `accept` takes it. */
  says<T>(path: string, accept?: (body: T) => boolean): Promise<T>;
  /** Sum of a metric's series whose labels have this text. */
  metric(name: string, labels?: string): Promise<number>;
  /** Waits until what was accepted at this tip is served. */
  serves(tip: string): Promise<void>;
  close(): Promise<void>;
};

/** `flags`: more of `fairlead serve`. Resolves when it serves what the site's repository has. */
export async function startMeasured(site: Site, flags: readonly string[] = []): Promise<MeasuredServer> {
  const [xdsPort = 0, httpPort = 0] = await freePorts(2);
  const { repository, pin } = followed(site.config);
  const from = ['--repository', repository, '--pin', pin, '--data-dir', site.config.dataDir];
  const ports = ['--xds', `127.0.0.1:${xdsPort}`, '--http', `127.0.0.1:${httpPort}`];
  const log = join(site.folder, 'measured.log');
  const server = startServer({ flags: [...from, ...ports, '--poll', '1h', ...flags], log, as: 'measuring' });
  const get = async (path: string) => (await fetch(`http://127.0.0.1:${httpPort}${path}`)).text();
  const says = async <T>(path: string, accept: (body: T) => boolean = () => true): Promise<T> => {
    let last = '';
    const fits = async () => {
      last = await get(path).catch((error: Error) => error.message);
      return last.startsWith('{') && accept(JSON.parse(last) as T);
    };
    await expect
      .poll(fits, { timeout: 60_000, interval: 20 })
      .toBe(true)
      .catch(async (cause) => {
        throw new Error(`${path} says ${last}, and the server logged ${await server.log()}`, { cause });
      });
    return JSON.parse(last) as T;
  };
  const serves = async (tip: string) => {
    type Repositories = { readonly items: readonly { readonly appliedRevision: string | null }[] };
    await says<Repositories>('/api/v1/repositories', ({ items }) => items[0]?.appliedRevision === tip);
  };
  await serves(await site.repository.id());
  return {
    ...{ xdsPort, httpPort, says, serves },
    measure: () => server.measure(),
    async metric(name, labels = '') {
      const lines = (await get('/metrics')).split('\n').filter((line) => /^\w/.test(line));
      const series = lines.filter((line) => line.split(/[ {]/, 1)[0] === name && line.includes(labels));
      return series.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
    },
    close: () => server.kill('SIGTERM'),
  };
}

import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { byCodeUnit } from '../../base/order.ts';
import { findGitdir, pinPath } from '../clone.ts';
import type { Context } from '../context.ts';
import { run } from '../native.ts';
import { readPin } from '../pin-file.ts';
import { shortName } from '../proxy/find.ts';
import { listAt, textAt } from '../proxy/resource.ts';
import { readItems } from '../server-client.ts';
import type { Candidate, Names, Typed } from './complete.ts';

/** Nobody waits longer for a list of names. */
const PATIENCE_MS = 500;
const MAX_DEPTH = 16;

type Source = (context: Context, typed: Typed) => Promise<readonly Candidate[]>;

const refs: Source = async (context, typed) => {
  const { folder } = await clone(context, typed);
  const args = ['for-each-ref', '--format=%(refname:short)', 'refs/heads', 'refs/remotes', 'refs/tags'];
  const { out } = await run('git', ['-C', folder, ...args], { environment: context.environment });
  const found = out.split('\n').filter((name) => name !== '' && !name.endsWith('/HEAD'));
  return ['HEAD', ...found].map((value) => ({ value, description: 'branch, tag or commit' }));
};

/** As the worktree says: judging a whole history takes longer than anybody waits for a list. */
const scopes: Source = async (context, typed) => {
  const { folder, gitdir } = await clone(context, typed);
  const { path } = await readPin(pinPath(gitdir));
  const mesh = join(folder, path);
  const root = textAt(parse(await readFile(join(mesh, 'scope.yaml'), 'utf8')), 'metadata', 'name');
  return root === null ? [] : scopesBelow(mesh, root, MAX_DEPTH);
};

async function scopesBelow(folder: string, path: string, depth: number): Promise<readonly Candidate[]> {
  const own = { value: path, description: 'scope' };
  const records = await readFile(join(folder, 'delegations.yaml'), 'utf8').catch(() => null);
  if (records === null || depth === 0) return [own];
  const below = listAt(parse(records), 'spec').map((record) => {
    const name = textAt(record, 'name');
    const directory = textAt(record, 'path');
    return name === null || directory === null
      ? []
      : scopesBelow(join(folder, directory), `${path}.${name}`, depth - 1);
  });
  return [own, ...(await Promise.all(below)).flat()];
}

function listed(path: string, field: string, description: string): Source {
  return async (_, { server }) => {
    const items = await readItems(server, path, PATIENCE_MS);
    return items.flatMap((item) => textAt(item, field) ?? []).map((value) => ({ value, description }));
  };
}

const servedScopes = listed('api/v1/scopes?limit=1000', 'path', 'scope');
const repositories = listed('api/v1/repositories', 'name', 'repository');

const proxies: Source = async (context, typed) => {
  const found = await listed('api/v1/proxies?limit=1000', 'proxy', 'proxy')(context, typed);
  return found.map(({ value, description }) => ({ value: shortName(value), description }));
};

/** By placeholder of an argument or an option's value. The second of anything is one line here. */
const sources: Readonly<Record<string, readonly Source[]>> = {
  scope: [scopes, servedScopes],
  'scope|commit': [scopes, servedScopes, refs],
  ref: [refs],
  head: [refs],
  commit: [refs],
  proxy: [proxies],
  repository: [repositories],
};

/** Names from the clone and from a server that answers at once; without either, none. */
export function namesOf(context: Context): Names {
  return async (sort, typed) => {
    const asked = (sources[sort] ?? []).map((source) => source(context, typed).catch(() => []));
    const found = new Map((await Promise.all(asked)).flat().map((one) => [one.value, one] as const));
    return [...found.values()].sort((a, b) => byCodeUnit(a.value, b.value));
  };
}

function clone(context: Context, { repository }: Typed): ReturnType<typeof findGitdir> {
  return findGitdir(resolve(context.cwd, repository ?? '.'));
}

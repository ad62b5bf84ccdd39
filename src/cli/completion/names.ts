import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { byCodeUnit } from '../../base/order.ts';
import { findGitdir, pinPath } from '../clone.ts';
import type { Context } from '../context.ts';
import { sshKey } from '../keys.ts';
import { run } from '../native.ts';
import { readPin } from '../pin-file.ts';
import { shortName } from '../proxy/find.ts';
import { listAt, textAt } from '../proxy/resource.ts';
import { defaultServer, readItems } from '../server-client.ts';
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
const scopes: Source = async (context, typed) =>
  (await places(context, typed)).map(({ path }) => ({ value: path, description: 'scope' }));

/** Of every key in every scope of the worktree. */
const fingerprints: Source = async (context, typed) => {
  const found = (await places(context, typed)).map(async ({ folder, path }) => {
    const scope = parse(await readFile(join(folder, 'scope.yaml'), 'utf8').catch(() => ''));
    const anchors = [...listAt(scope, 'spec', 'anchors'), ...listAt(scope, 'spec', 'recovery', 'anchors')];
    return anchors.flatMap((anchor) =>
      listAt(anchor, 'keys').flatMap((key) => {
        const value = sshKey(textAt(key, 'ssh') ?? '')?.fingerprint ?? textAt(key, 'openpgp');
        return value === null ? [] : [{ value, description: `${textAt(anchor, 'name')} of ${path}` }];
      }),
    );
  });
  return (await Promise.all(found)).flat();
};

type Place = { readonly folder: string; readonly path: string };

async function places(context: Context, typed: Typed): Promise<readonly Place[]> {
  const { folder, gitdir } = await clone(context, typed);
  const { path } = await readPin(pinPath(gitdir));
  const mesh = join(folder, path);
  const root = textAt(parse(await readFile(join(mesh, 'scope.yaml'), 'utf8')), 'metadata', 'name');
  return root === null ? [] : placesBelow(mesh, root, MAX_DEPTH);
}

async function placesBelow(folder: string, path: string, depth: number): Promise<readonly Place[]> {
  const records = await readFile(join(folder, 'delegations.yaml'), 'utf8').catch(() => null);
  if (records === null || depth === 0) return [{ folder, path }];
  const below = listAt(parse(records), 'spec').map((record) => {
    const name = textAt(record, 'name');
    const directory = textAt(record, 'path');
    const isDead = textAt(record, 'tombstone') !== null;
    return name === null || directory === null || isDead
      ? []
      : placesBelow(join(folder, directory), `${path}.${name}`, depth - 1);
  });
  return [{ folder, path }, ...(await Promise.all(below)).flat()];
}

function listed(path: string, field: string, description: string): Source {
  return async (context, { server = defaultServer(context) }) => {
    const items = await readItems(server, path, PATIENCE_MS);
    const living = items.filter((item) => textAt(item, 'status') !== 'Tombstone');
    return living.flatMap((item) => textAt(item, field) ?? []).map((value) => ({ value, description }));
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
  fingerprint: [fingerprints],
  proxy: [proxies],
  repository: [repositories],
  'repository|scope': [repositories, servedScopes],
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

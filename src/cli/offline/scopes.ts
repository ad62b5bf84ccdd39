import { stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { parse } from 'yaml';
import { sha256 } from '../../base/digest.ts';
import { asIfVerified, type VerifiedScope } from '../../governance/index.ts';
import { type Owned, within } from '../../policy/index.ts';
import type { Context } from '../context.ts';
import { at, listAt, textAt } from '../proxy/resource.ts';
import { type LocalFile, readPaths } from './files.ts';

/** Scopes as a folder has them, which nobody has accepted. */
export type FolderScopes = {
  /** `exported`: there is no scope.yaml, and one scope owns everything. */
  readonly manner: 'written' | 'exported';
  readonly scopes: readonly VerifiedScope[];
};

const EVERYTHING: Owned = { namespaces: ['*'], hosts: ['*'] };
const NOTHING: Owned = { namespaces: [], hosts: [] };

/** The scopes of a mesh folder where `paths` is one, else everything at `paths` as one scope. Throws Failure path-unreadable. */
export async function folderScopes(context: Context, paths: readonly string[]): Promise<FolderScopes> {
  const [only = '.'] = paths;
  const root = paths.length <= 1 && only !== '-' ? await meshFolder(context, only) : null;
  const files = await readPaths(context, root === null ? (paths.length === 0 ? ['.'] : paths) : [root]);
  if (root !== null) return { manner: 'written', scopes: governed(files, relative(context.cwd, root)) };
  const scope = { path: 'everything', directory: '', owns: EVERYTHING, granted: NOTHING, files };
  return { manner: 'exported', scopes: [made(scope)] };
}

/** Where the root's scope.yaml stands: there, or in the folder `mesh` of a repository. */
async function meshFolder({ cwd }: Context, path: string): Promise<string | null> {
  for (const folder of [resolve(cwd, path), resolve(cwd, path, 'mesh')]) {
    const found = await stat(join(folder, 'scope.yaml')).catch(() => null);
    if (found?.isFile()) return folder;
  }
  return null;
}

type Site = {
  readonly path: string;
  readonly directory: string;
  /** What those above leave to it. */
  readonly authority: Owned;
};

/** As the files say it, also where they could never be accepted: `fairlead plan` says that. */
function governed(files: readonly LocalFile[], top: string): readonly VerifiedScope[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const root = { path: '', directory: top, authority: EVERYTHING };
  const scopes: VerifiedScope[] = [];
  const sites: Site[] = [root];
  for (let site = sites.shift(); site !== undefined; site = sites.shift()) {
    const { directory } = site;
    const policy = dataOf(byPath.get(join(directory, 'scope.yaml')));
    const path = site.path === '' ? (textAt(policy, 'metadata', 'name') ?? 'mesh') : site.path;
    const owns = within(ownedAt(policy, 'spec', 'owns'), site.authority);
    const records = listAt(dataOf(byPath.get(join(directory, 'delegations.yaml'))), 'spec');
    const children = records.flatMap((record): readonly Site[] => {
      const [name, inner] = [textAt(record, 'name'), textAt(record, 'path')];
      const isLive = textAt(record, 'status') !== 'withdrawn' && textAt(record, 'tombstone') === null;
      if (name === null || inner === null || !isLive) return [];
      const authority = within(ownedAt(record, 'grants'), owns);
      return [{ path: `${path}.${name}`, directory: join(directory, inner), authority }];
    });
    const masked = records
      .flatMap((record) => textAt(record, 'path') ?? [])
      .map((inner) => join(directory, inner));
    const grants = children.map(({ authority }) => authority);
    const granted = {
      namespaces: grants.flatMap(({ namespaces }) => namespaces),
      hosts: grants.flatMap(({ hosts }) => hosts),
    };
    const own = files.filter(
      (file) => isBelow(file, directory) && !masked.some((child) => isBelow(file, child)),
    );
    scopes.push(
      made({ path, directory, owns, granted, files: own.flatMap((file) => manifest(file, directory)) }),
    );
    sites.push(...children);
  }
  return scopes;
}

/** Governance files are no manifests. */
function manifest(file: LocalFile, directory: string): readonly LocalFile[] {
  const path = relative(directory || '.', file.path);
  const isGovernance = /^(scope\.yaml|delegations\.yaml|(anchors|identity)\/.*)$/.test(path);
  return isGovernance ? [] : [{ ...file, path }];
}

function isBelow({ path }: LocalFile, directory: string): boolean {
  return directory === '' || path.startsWith(`${directory}/`);
}

function dataOf(file: LocalFile | undefined): unknown {
  try {
    return file === undefined ? null : parse(Buffer.from(file.bytes).toString());
  } catch {
    return null;
  }
}

function ownedAt(value: unknown, ...path: readonly string[]): Owned {
  const texts = (field: string) => {
    const found = at(value, ...path, field);
    return Array.isArray(found) ? found.map(String) : [];
  };
  return { namespaces: texts('namespaces'), hosts: texts('hosts') };
}

function made(
  about: Pick<VerifiedScope, 'path' | 'directory' | 'owns' | 'granted' | 'files'>,
): VerifiedScope {
  const { path } = about;
  const uid = uidOf(path);
  const parent = path.includes('.') ? uidOf(path.slice(0, path.lastIndexOf('.'))) : null;
  const nothing = { seq: 0, epoch: '', digest: '', commit: '', trustDomain: null, signers: [] };
  return asIfVerified({ uid, parent, ...nothing, ...about });
}

function uidOf(path: string): string {
  return sha256(Buffer.from(path));
}

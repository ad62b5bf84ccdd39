/**
 * What was committed? From bytes in a repository to `Commit`, tree entries, blobs and own digests.
 *
 * Guarantees to `governance`: every object's bytes hash to its name (SHA-1 here, G15); a commit is read from its raw bytes by
 * G1 alone, and a commit with a `refusal` has no signature; an own digest exists only for a tree that keeps G10 and the caps
 * of G17, and is the same on every machine; nothing was filtered, converted, replaced or grafted (G0, G11); by `openIsomorphic` no program is
 * run, by the git command no other than it and ssh; which of the two reads changes no byte and no verdict.
 *
 * Refuses, as values: trees against G10 or G17 (`TreeDigest`), commits that can never be a vote (`Commit.refusal`).
 * Refuses, as `Failure`, because nothing can be said now: `object-missing object-corrupt object-too-large` (this store), `shallow-clone
 * sha256-unsupported alternates-unsupported reftable-unsupported partial-clone repository-missing` (this repository),
 * `remote-unreachable remote-timeout remote-unsupported branch-missing ssh-host-refused ssh-key-refused credentials-refused
 * github-app-refused` (the remote),
 * `ref-missing`, `disk-full store-unusable git-missing git-unsupported ssh-unconfigured ssh-file-unusable secret-file-unusable
 * ca-file-unusable github-app-invalid credentials-unsafe` (this machine),
 * and `object-malformed`, the one that is the same everywhere: a name used for what its bytes are not.
 */
export type { AccessSettings } from './access.ts';
export type { GitBackend } from './backend.ts';
export { CAPS } from './caps.ts';
export { type Commit, type CommitSignature, parseCommit } from './commit.ts';
export { openIsomorphic } from './isomorphic.ts';
export { Lru } from './lru.ts';
export { openNative } from './native.ts';
export type { ObjectId, Objects, TreeEntry } from './objects.ts';
export { GIT_BACKENDS, type GitBackendName, openGit } from './open.ts';
export { createTreeDigests, type OwnFile, type TreeDigests } from './own-digest.ts';
export { fileAt, fileIdAt, namesApart, subtree } from './paths.ts';
export { quarantineOf } from './quarantine.ts';
export type { SshSettings } from './ssh.ts';
export { parseTree } from './tree.ts';

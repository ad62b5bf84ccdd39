import { createHash } from 'node:crypto';
import {
  fingerprints,
  type OpenpgpName,
  openpgpCertificate,
  type SshName,
  sshPublicKey,
} from '../keys/index.ts';

/** A published test key. */
export type KeyName = SshName | OpenpgpName;

/** An anchor with the test key of its name, or with keys that are named or written out as YAML flow. */
export type AnchorSpec =
  | KeyName
  | { readonly name: string; readonly keys: readonly string[]; readonly type?: string };

export type ScopeSpec = {
  readonly name?: string;
  readonly anchors?: readonly AnchorSpec[];
  /** YAML flow. */
  readonly quorum?: string;
  readonly owns?: string;
  readonly salt?: string;
  /** More lines of the spec. */
  readonly more?: string;
};

export function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

export const rootOwns = '{ namespaces: ["*"], hosts: ["*"] }';

/** A `scope.yaml`; what is not said is that of the root of most cases. */
export function scopeYaml(spec: ScopeSpec = {}): string {
  const { name = 's', quorum = '{ threshold: 2 }', owns = rootOwns, more = '' } = spec;
  const anchors = (spec.anchors ?? ['alice', 'bo', 'cy']).map(anchorYaml).join('');
  const salt = spec.salt ?? sha256(`salt of ${name}`).slice(0, 32);
  const last = more === '' ? '' : `  ${more}\n`;
  return `apiVersion: fairlead.dev/v1alpha1
kind: Scope
metadata: { name: ${name} }
spec:
  ruleset: 1
  salt: ${salt}
  anchors:
${anchors}  quorum: ${quorum}
  owns: ${owns}
${last}`;
}

function anchorYaml(spec: AnchorSpec): string {
  const { name, keys, type = 'human' } = typeof spec === 'string' ? { name: spec, keys: [spec] } : spec;
  const kind = type === 'human' ? '' : `      type: ${type}\n`;
  return `    - name: ${name}\n${kind}      keys: [${keys.map(keyYaml).join(', ')}]\n`;
}

function keyYaml(key: string): string {
  if (isOpenpgp(key)) return openpgpKey(fingerprints[key], `anchors/${key}.asc`, openpgpCertificate(key));
  return key.startsWith('{') ? key : `{ ssh: "${sshPublicKey(key as SshName)}" }`;
}

/** The entry of `keys` for a certificate. */
export function openpgpKey(fingerprint: string, file: string, certificate: Uint8Array): string {
  return `{ openpgp: ${fingerprint.toUpperCase()}, file: ${file}, sha256: ${sha256(certificate)} }`;
}

export function isOpenpgp(name: string): name is OpenpgpName {
  return Object.hasOwn(fingerprints, name);
}

/** The certificates that the test keys of a scope need, by their path in the scope. */
export function certificates(spec: ScopeSpec): Readonly<Record<string, Uint8Array>> {
  const names = (spec.anchors ?? ['cy']).flatMap((anchor) =>
    typeof anchor === 'string' ? [anchor] : anchor.keys,
  );
  return Object.fromEntries(
    names.filter(isOpenpgp).map((name) => [`anchors/${name}.asc`, openpgpCertificate(name)]),
  );
}

/** A record of `delegations.yaml`, as YAML flow after `name`, `uid` and `path`. */
export type RecordSpec = {
  readonly name: string;
  readonly uid: string;
  readonly path?: string;
  readonly more?: string;
};

export const childGrants = 'grants: { namespaces: [c, c2], hosts: [c.example] }';

export function delegationsYaml(records: readonly RecordSpec[], name = 's'): string {
  const lines = records.map(({ name, uid, path, more = childGrants }) => {
    const place = path === undefined ? '' : `, path: ${path}`;
    return `  - { name: ${name}, uid: ${uid}${place}${more === '' ? '' : `, ${more}`} }\n`;
  });
  return `apiVersion: fairlead.dev/v1alpha1\nkind: Delegations\nmetadata: { name: ${name} }\nspec:\n${lines.join('')}`;
}

import { sha256 } from '../base/digest.ts';
import { must } from '../base/must.ts';
import type { Scope } from '../generated/schemas/Scope.ts';
import { validateScope } from '../generated/schemas/validators.js';
import { fileAt, type ObjectId, type Objects, type OwnFile } from '../git/index.ts';
import { type AnchorKey, isListed, parseOpenpgpKey, parseSshKey } from '../signatures/index.ts';
import { readData } from './data.ts';
import type { Ruleset } from './ruleset.ts';
import { schemaMistake } from './schema.ts';
import type { Anchor, MutationClass, Policy } from './types.ts';

/** `firstUid`: the uid of the scope whose first mutation has these bytes (formats.md, uid). */
export type PolicyRead =
  | { readonly ok: true; readonly policy: Policy; readonly name: string; readonly firstUid: string }
  | { readonly ok: false; readonly rule: string; readonly reason: string };

type ReadAnchors =
  | { readonly ok: true; readonly anchors: readonly Anchor[]; readonly recovery: readonly Anchor[] }
  | { readonly ok: false; readonly rule: string; readonly reason: string };

type SourceAnchor = Scope['spec']['anchors'][number];

const MEBI = 1024 * 1024;

/**
 * Reads who decides over a scope from its own tree (formats.md, "A scope's governance files").
 * Valid only if every threshold can be reached (G6), no key serves twice (G4), and classes get no weaker:
 * t(update) ≤ t(reconfigure) ≤ t(structural).
 */
export async function readPolicy(
  objects: Objects,
  tree: ObjectId,
  files: readonly OwnFile[],
  ruleset: Ruleset,
): Promise<PolicyRead> {
  const bytes = await fileAt(objects, tree, 'scope.yaml');
  if (bytes === null) return no('G12', 'scope.yaml is missing');
  const data = readData(bytes, ruleset);
  if (!data.ok) return no('G12', `scope.yaml: ${data.reason}`);
  const newer = newerRuleset(data.value, ruleset);
  if (newer !== null) return no('G21', newer);
  if (!validateScope(data.value)) return no('G12', `scope.yaml: ${schemaMistake(validateScope.errors)}`);
  const { metadata, spec } = data.value as Scope;
  const read = await readAnchors(objects, tree, files, spec, ruleset);
  if (!read.ok) return read;
  const policy = toPolicy(spec, read, sha256(bytes));
  const reason = badThreshold(policy);
  if (reason !== null) return no('G6', reason);
  return { ok: true, policy, name: metadata.name, firstUid: sha256('fairlead-uid-1\0', bytes) };
}

/**
 * Enforces G21: what a later ruleset means, and what may stand beside it, only a later version knows. Its scope keeps what
 * was accepted before, and goes on where that version judges it.
 */
function newerRuleset(value: unknown, { number }: Ruleset): string | null {
  const { ruleset } = (value as { spec?: { ruleset?: unknown } | null } | null)?.spec ?? {};
  if (typeof ruleset !== 'number' || !Number.isSafeInteger(ruleset) || ruleset <= number) return null;
  return `scope.yaml names ruleset ${ruleset}, and this version of Fairlead knows none after ${number}: use a newer one`;
}

function no(
  rule: string,
  reason: string,
): { readonly ok: false; readonly rule: string; readonly reason: string } {
  return { ok: false, rule, reason };
}

function toPolicy(spec: Scope['spec'], read: ReadAnchors & { ok: true }, digest: string): Policy {
  const { anchors, recovery } = read;
  return {
    anchors,
    threshold: spec.quorum.threshold,
    byClass: spec.quorum.byClass ?? {},
    require: spec.quorum.require ?? [],
    statements: spec.quorum.statements ?? 'Optional',
    owns: { namespaces: spec.owns?.namespaces ?? [], hosts: spec.owns?.hosts ?? [] },
    trustDomain: spec.identity?.trustDomain ?? null,
    limits: { files: spec.limits?.files ?? Infinity, bytes: toBytes(spec.limits?.bytes) },
    salt: spec.salt,
    recovery: spec.recovery === undefined ? null : { threshold: spec.recovery.threshold, anchors: recovery },
    digest,
  };
}

function toBytes(quantity: string | number | undefined): number {
  if (quantity === undefined) return Infinity;
  const text = String(quantity);
  const factor = text.endsWith('Ki') ? 1024 : text.endsWith('Mi') ? MEBI : 1;
  return Number.parseInt(text, 10) * factor;
}

/** t(class): what is not listed takes the strength that formats.md gives it. */
export function threshold(policy: Policy, mutation: MutationClass): number {
  const listed = policy.byClass[mutation];
  if (listed !== undefined) return listed;
  if (mutation === 'update') return policy.threshold;
  if (mutation === 'renew') return threshold(policy, 'update');
  if (mutation === 'reconfigure') return Math.max(policy.threshold, threshold(policy, 'update'));
  return threshold(policy, 'reconfigure');
}

const STRUCTURAL: readonly MutationClass[] = ['delegate', 'split', 'merge', 'move', 'dissolve', 'undelegate'];
/** Every class with a threshold of its own. */
export const CLASSES: readonly MutationClass[] = ['update', 'reconfigure', ...STRUCTURAL];

function badThreshold(policy: Policy): string | null {
  const people = policy.anchors.length;
  for (const mutation of CLASSES) {
    const needed = threshold(policy, mutation);
    if (needed > people) return `${mutation} needs ${needed} of ${people} anchors: it can never be reached`;
  }
  for (const { type, atLeast } of policy.require) {
    const count = policy.anchors.filter((anchor) => anchor.type === type).length;
    if (atLeast > count) return `${atLeast} of type ${type} are required, and there are ${count}`;
  }
  const { recovery } = policy;
  if (recovery !== null && recovery.threshold > recovery.anchors.length)
    return `recovery needs ${recovery.threshold} of ${recovery.anchors.length} anchors: it can never be reached`;
  const reconfigure = threshold(policy, 'reconfigure');
  if (threshold(policy, 'update') > reconfigure) return 'reconfigure is weaker than update';
  const weak = STRUCTURAL.find((mutation) => threshold(policy, mutation) < reconfigure);
  return weak === undefined ? null : `${weak} is weaker than reconfigure`;
}

async function readAnchors(
  objects: Objects,
  tree: ObjectId,
  files: readonly OwnFile[],
  spec: Scope['spec'],
  ruleset: Ruleset,
): Promise<ReadAnchors> {
  const anchors: Anchor[] = [];
  const names = new Set<string>();
  const owners = new Map<string, string>();
  let checks = 0;
  const sources: readonly SourceAnchor[] = [...spec.anchors, ...(spec.recovery?.anchors ?? [])];
  for (const source of sources) {
    if (names.has(source.name)) return no('G6', `anchor ${source.name} twice`);
    names.add(source.name);
    const keys: AnchorKey[] = [];
    for (const written of source.keys) {
      const read = await readKey(objects, tree, files, written);
      if (!read.ok) return no('G6', `anchor ${source.name}: ${read.reason}`);
      const reason = claim(read.key, source.name, owners, ruleset);
      if (reason !== null) return no('G4', reason);
      checks += read.key.format === 'openpgp' ? read.key.checks : 0;
      if (checks > ruleset.signatureChecks)
        return no('G17', `the certificates hold more than ${ruleset.signatureChecks} signatures`);
      keys.push(read.key);
    }
    anchors.push({ name: source.name, type: source.type ?? 'human', keys });
  }
  const count = spec.anchors.length;
  return { ok: true, anchors: anchors.slice(0, count), recovery: anchors.slice(count) };
}

/** The secrets that a key stands for (G4): of a certificate, each that may sign. */
export function materialsOf(key: AnchorKey): readonly string[] {
  return key.format === 'ssh' ? [key.material] : key.materials;
}

/** Everybody whom a policy lists: its anchors and its recovery set. */
export function allAnchors({ anchors, recovery }: Policy): readonly Anchor[] {
  return [...anchors, ...(recovery?.anchors ?? [])];
}

/** G4: one secret is one vote, whatever its format; forge keys and published test keys are nobody's. */
function claim(key: AnchorKey, name: string, owners: Map<string, string>, ruleset: Ruleset): string | null {
  if (isListed(key, ruleset.refusedKeys)) {
    return `anchor ${name}: ${key.fingerprint} is a published test key or a forge's key, which others can sign with`;
  }
  for (const material of materialsOf(key)) {
    const owner = owners.get(material);
    if (owner !== undefined) return `${owner} and ${name} list the same key ${key.fingerprint}`;
    owners.set(material, name);
  }
  return null;
}

async function readKey(
  objects: Objects,
  tree: ObjectId,
  files: readonly OwnFile[],
  written: SourceAnchor['keys'][number],
): Promise<{ ok: true; key: AnchorKey } | { ok: false; reason: string }> {
  if ('ssh' in written) return parseSshKey(written.ssh);
  const { file, sha256: digest, openpgp } = written;
  const own = files.find(({ path }) => path === file);
  if (own === undefined) return { ok: false, reason: `${file} is missing` };
  if (own.sha256 !== digest)
    return { ok: false, reason: `${file} has sha256 ${own.sha256}, and scope.yaml says ${digest}` };
  return parseOpenpgpKey(must(await fileAt(objects, tree, file)), openpgp);
}

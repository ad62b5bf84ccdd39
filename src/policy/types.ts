import type { AnchorKey } from '../signatures/index.ts';

/** Classes of a mutation, derived from bytes and never declared. */
export type MutationClass =
  | 'update'
  | 'reconfigure'
  | 'delegate'
  | 'split'
  | 'merge'
  | 'move'
  | 'dissolve'
  | 'undelegate'
  | 'renew';

export type Anchor = {
  readonly name: string;
  readonly type: 'human' | 'automation';
  readonly keys: readonly AnchorKey[];
};

type Requirement = { readonly type: 'human' | 'automation'; readonly atLeast: number };

/** Names and patterns of names, as `scope.yaml` has them. */
export type Owned = { readonly namespaces: readonly string[]; readonly hosts: readonly string[] };

/** Who decides over a scope, read from its `scope.yaml` and the certificates that it pins. */
export type Policy = {
  readonly anchors: readonly Anchor[];
  readonly threshold: number;
  readonly byClass: Readonly<Partial<Record<MutationClass, number>>>;
  readonly require: readonly Requirement[];
  readonly statements: 'Optional' | 'Required';
  readonly owns: Owned;
  readonly trustDomain: string | null;
  readonly limits: { readonly files: number; readonly bytes: number };
  /** Immutable: it makes the uid unique. */
  readonly salt: string;
  readonly recovery: { readonly threshold: number; readonly anchors: readonly Anchor[] } | null;
  /** SHA-256 over `scope.yaml`, which binds every key. */
  readonly digest: string;
};

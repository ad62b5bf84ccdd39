import type { SchemaError, Validator } from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import type { About, Path, Resource } from '../types.ts';

/** What every manifest has once its schema fits. */
export type Manifest = {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string | undefined>>;
  };
};

/** A document that fits the schema of its kind. */
export type Fitting = {
  readonly metadata: Manifest['metadata'];
  /** What a schema cannot say: rules between fields. */
  readonly findings: readonly Finding[];
  /** Besides its own. */
  readonly speaksFor?: readonly SpokenFor[];
  resource(about: About): Resource;
};

/** A namespace that a document speaks for, and where it says so. */
export type SpokenFor = { readonly namespace: string; readonly path: Path };

/** One kind of manifest: what it is called, and how a document becomes a resource. */
export type Kind = {
  readonly name: string;
  readonly apiVersions: readonly string[];
  /** Of the file in `schemas/`. */
  readonly schema: string;
  /** Whether it stands in no namespace. */
  readonly isClusterWide: boolean;
  read(document: unknown): Fitting | { readonly errors: readonly SchemaError[] };
};

/** The only place where a document's type is narrowed. */
export function defineKind<M extends Manifest>(definition: {
  readonly name: string;
  readonly apiVersions: readonly string[];
  /** Default: the name. */
  readonly schema?: string;
  readonly isClusterWide?: boolean;
  readonly validate: Validator<M>;
  check(manifest: M): Iterable<Finding>;
  /** Default: its own namespace alone. */
  speaksFor?(manifest: M): readonly SpokenFor[];
  resource(manifest: M, about: About): Resource;
}): Kind {
  const { name, apiVersions, schema = name, isClusterWide = false, validate } = definition;
  const { check, speaksFor = alone, resource } = definition;
  return {
    name,
    apiVersions,
    schema,
    isClusterWide,
    read(document) {
      if (!validate(document)) return { errors: validate.errors ?? [] };
      return {
        metadata: document.metadata,
        findings: [...check(document)],
        speaksFor: speaksFor(document),
        resource: (about) => resource(document, about),
      };
    },
  };
}

const alone = (): readonly SpokenFor[] => [];

export const istioNetworking = ['v1', 'v1beta1', 'v1alpha3'].map(
  (version) => `networking.istio.io/${version}`,
);

export const gatewayApi = ['v1', 'v1beta1'].map((version) => `gateway.networking.k8s.io/${version}`);

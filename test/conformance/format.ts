/** The plain data of a conformance case: `expectation.json`, described for other implementers in README.md. */

export type Outcome = 'refused' | 'held' | 'accepted only when' | 'signalled';

/** What a verifier is told out of band. */
export type PinData = {
  readonly commit: string;
  readonly path: string;
  readonly uid: string;
  readonly seq: number;
  readonly digests: Readonly<Record<string, string>>;
};

export type ScopeExpectation = {
  /** Dotted path from the root. */
  readonly path: string;
  readonly uid: string;
  readonly seq: number;
  /** `Gone` for a tombstone. */
  readonly state: 'Accepted' | 'Held' | 'Gone';
  /** Left out for a live scope. */
  readonly status?: 'Withdrawn' | 'Tombstone';
  /** Own digest of the bytes that the scope serves. */
  readonly accepted: string;
  /** The rule that the hold names; null for a scope that is not held. */
  readonly rule: string | null;
  /** Anchors of the policy in force whose votes count: for what is held, or for the last acceptance. */
  readonly signed?: readonly string[];
};

export type Step = {
  /** The commit that the remote's branch points at. */
  readonly offer: string;
  readonly outcome: 'followed' | 'same' | 'stale' | 'refused' | 'unavailable';
  /** Why an offer is refused. */
  readonly rule?: string;
  /** What is served after this step: every scope of the repository. */
  readonly scopes?: readonly ScopeExpectation[];
};

/** What is done to the git folder before a verifier opens it. Paths are relative to the git folder. */
export type Setup =
  | { readonly do: 'write'; readonly path: string; readonly text: string; readonly executable?: true }
  | { readonly do: 'remove-object'; readonly object: string }
  | { readonly do: 'replace-object'; readonly object: string; readonly blob: string };

export type Run = {
  readonly name: string;
  readonly is: 'attack' | 'honest';
  readonly pin: PinData;
  readonly setup?: readonly Setup[];
  /** Files of the git folder that must not exist afterwards. */
  readonly absent?: readonly string[];
  readonly steps: readonly Step[];
};

export type Expectation = {
  readonly format: 'fairlead-conformance-1';
  readonly number: string;
  readonly title: string;
  /** What the attacker does. */
  readonly attack: string;
  readonly outcome: Outcome;
  /** The rules of the design that decide. */
  readonly rules: readonly string[];
  /** What a tool can say where bytes alone decide nothing. */
  readonly signal?: string;
  readonly runs: readonly Run[];
};

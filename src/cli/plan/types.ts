import type { Problem } from '../../base/problem.ts';
import type { Difference, Kept } from '../drafts.ts';
import type { HostDifference } from './hosts.ts';
import type { ManifestDifference } from './manifests.ts';
import type { Risk } from './risks.ts';

export type ScopePlan = {
  readonly scope: string;
  readonly class: string;
  readonly seq: number;
  readonly base: string;
  readonly next: string | null;
  readonly changes: readonly { readonly path: string; readonly change: string }[];
  /** What a reconfigure changes of who decides and of what is owned, in words. */
  readonly policy: readonly string[];
  readonly acceptable: boolean;
  readonly quorum: { readonly needed: number; readonly signed: readonly string[]; readonly reason: string };
};

/** What a head would change against the accepted state. */
export type Plan = {
  readonly base: string;
  readonly head: string;
  readonly scopes: readonly ScopePlan[];
  readonly kept: readonly Kept[];
  readonly manifests: readonly ManifestDifference[];
  readonly hosts: readonly HostDifference[];
  readonly differences: readonly Difference[];
  readonly risks: readonly Risk[];
  readonly problems: readonly Problem[];
};

import { type Delegation, joinPath, type Own, overGrant, type Policy } from '../policy/index.ts';
import type { Candidate } from '../votes/index.ts';
import { overLimit } from './candidate.ts';
import { firstState } from './genesis.ts';
import { depthOf, isRecorded, type Site } from './locate.ts';
import { belowFloor, recordsAbove } from './reconfigure.ts';
import type { ScopeState } from './types.ts';

type First =
  | {
      readonly ok: true;
      /** What it would be, of seq 0; its epoch is the parent's, which V2 asks for. */
      readonly scope: ScopeState;
      readonly own: Own & { readonly ok: true };
      readonly policy: Policy;
      readonly candidate: Candidate;
    }
  | { readonly ok: false; readonly rule: string; readonly reason: string };

/** The first mutation of a scope that a new record of `parent` names: all of `own(child, mi)`, and nothing between. */
export async function firstMutation(site: Site, parent: ScopeState, record: Delegation): Promise<First> {
  const { owns, state, tree } = site;
  const { uid, name } = record;
  const directory = joinPath(parent.directory, record.path ?? '');
  const own = await owns.own(tree, directory);
  if (!own.ok) return own;
  const read = await owns.policy(own);
  if (!read.ok) return read;
  const { policy } = read;
  const floors = [record, ...(await recordsAbove(owns, state.scopes, parent))];
  const refusal =
    (await badUid(site, uid, read.firstUid)) ??
    no(
      'Scope',
      read.name === name ? null : `it calls itself ${read.name}, and its parent's record says ${name}`,
    ) ??
    no('Grants', overGrant(policy.owns, record.grants)) ??
    no('G6', belowFloor(floors, null, policy)) ??
    no('Structural', await ownRecords(site, own)) ??
    no('G17', tooDeep(site, parent.uid)) ??
    overLimit(policy, own);
  if (refusal !== null) return { ok: false, ...refusal };
  const place = { uid, name, path: `${parent.path}.${name}`, directory, parent: parent.uid };
  const scope = { ...firstState(parent.epoch, place, own, policy), seq: 0 };
  return {
    ok: true,
    scope,
    own,
    policy,
    candidate: { class: 'delegate', seq: 1, base: 'none', next: own.digest },
  };
}

function no(rule: string, reason: string | null): { readonly rule: string; readonly reason: string } | null {
  return reason === null ? null : { rule, reason };
}

/** formats.md, uid. Enforces G19: a uid is never used again. */
async function badUid(site: Site, uid: string, made: string | null) {
  if (made !== null && made !== uid)
    return no('G19', `its record says uid ${uid}, and its scope.yaml makes ${made}`);
  const isUsed = site.state.scopes.has(uid) || (await isRecorded(site.owns, site.state, uid));
  return no('G19', isUsed ? `uid ${uid} is or was in use here: write a new salt` : null);
}

/** Of a record of a scope that begins in a repository of its own: only that its uid is new can be checked here. */
export function usedUid(site: Site, uid: string) {
  return badUid(site, uid, null);
}

/** #126: one level per group. */
async function ownRecords({ owns }: Site, own: Own & { readonly ok: true }): Promise<string | null> {
  const records = await owns.delegations(own.tree);
  return records.length === 0 ? null : 'it delegates itself: create it first, then those below it';
}

export function tooDeep(site: Site, parent: string, height = 0): string | null {
  const { owns } = site;
  const depth = depthOf(site, parent) + 1 + height;
  const cap = owns.ruleset.delegationDepth;
  return depth > cap ? `it would stand ${depth} levels below the root; the cap is ${cap}` : null;
}

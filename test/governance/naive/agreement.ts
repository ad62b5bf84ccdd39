import { expect } from 'vitest';
import { createTreeDigests } from '../../../src/git/index.ts';
import {
  formatVerification,
  type Line,
  type LineState,
  openLine,
  type Pin,
} from '../../../src/governance/index.ts';
import { mainLine, naiveFacts, realFacts } from './facts.ts';
import { lineOf } from './history.ts';
import { broken } from './invariants.ts';
import { launderedVotes } from './laundered.ts';
import { naiveStates, type Repository } from './repository.ts';
import type { Forge } from './world.ts';

async function stateOf(line: Line, tip: string): Promise<LineState> {
  const verdict = await line.state(tip);
  if (!verdict.ok) throw new Error(verdict.reason);
  return verdict.state;
}

function verifier({ objects }: Repository, pin: Pin): Line {
  return openLine(objects, createTreeDigests(objects), pin);
}

/** s(0) … s(tip) as the product says it, one look at every main-line commit. */
export async function realStates(
  repository: Repository,
  genesis: string,
  tip: string,
): Promise<readonly LineState[]> {
  const line = verifier(repository, await repository.pin(genesis));
  const states: LineState[] = [];
  for (const id of mainLine(repository, genesis, tip)) states.push(await stateOf(line, id));
  return states;
}

/** Fails where the two implementations differ at any main-line commit, or an invariant is broken. */
export async function expectAgreement({
  repository,
  genesis,
  main: tip,
}: Forge): Promise<readonly LineState[]> {
  const real = await realStates(repository, genesis, tip);
  const main = mainLine(repository, genesis, tip);
  const naive = naiveStates(repository, genesis, tip);
  expect(real.map(realFacts)).toEqual(naive.map((state) => naiveFacts(state, main)));
  const line = lineOf({ ...repository, genesis }, tip);
  expect(broken(line, real)).toEqual([]);
  for (const { directory: place, lineage, places } of real.at(-1)?.scopes.values() ?? []) {
    const acceptances = lineage.filter(({ event }) => event === 'accepted');
    if (places.length === 1)
      expect(launderedVotes({ repository, genesis, tip, place }, acceptances)).toEqual([]);
  }
  return real;
}

/** Fails where the bytes of the verdict depend on how often and in which order somebody looked at the line. */
export async function expectPollInvariance(forge: Forge, looks: readonly number[]): Promise<void> {
  const { repository, genesis, main: tip } = forge;
  const main = mainLine(repository, genesis, tip);
  const pin = await repository.pin(genesis);
  const look = async (line: Line, at: string) => {
    const state = await stateOf(line, at);
    return { said: formatVerification(state), served: await line.scopes(state) };
  };
  const whole = await look(verifier(repository, pin), tip);
  const polled = verifier(repository, pin);
  for (const at of looks) await look(polled, main[at % main.length] ?? tip);
  const last = await look(polled, tip);
  expect(last.said).toBe(whole.said);
  expect(last.served).toEqual(whole.served);
}

import { expect } from 'vitest';
import { manifestCodes, readManifests, readOffline } from '../../src/manifests/index.ts';
import { advise, meshCodes } from '../../src/mesh/index.ts';
import { stages } from '../../src/pipeline.ts';
import { scopeOf } from '../manifests/scope.ts';

const known = new Set([...Object.keys(manifestCodes), ...Object.keys(meshCodes)]);

/** Reads a text as a server and as `analyze` do, up to the mesh. What is wrong with it is said at places that it has. */
export function readWhole(text: string): void {
  const scope = scopeOf({ 'a.yaml': text });
  const lines = text.split('\n').length;
  const served = readManifests(scope);
  const { resources, workloads } = readOffline(scope, 'exported');
  for (const scopes of [[served], [resources]]) {
    const built = stages.build(scopes);
    const advice = advise({ ...built, scopes, workloads });
    const problems = [...scopes.flatMap((one) => one.problems), ...built.problems, ...advice];
    for (const { code, line, column } of problems)
      if (!known.has(code) || line < 1 || line > lines || column < 1)
        expect.fail(`${code} at ${line}:${column} of ${lines} lines`);
  }
}

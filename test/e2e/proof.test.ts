import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createServer } from '../../src/main.ts';
import { BIN, runChild } from '../cli/fairlead.ts';
import { run } from '../repository.ts';
import { ask, createSite, hint, world } from '../server.ts';

type Repositories = { readonly items: readonly { readonly refused: { readonly tip: string } | null }[] };

/** Alice signs two mutations from one epoch; the forge shows first one of them, then, by force, the other. */
test('both sides of a force-push outlive it, and anybody can judge them again', async () => {
  const { repository, config, change, close, folder } = await createSite();
  onTestFinished(close);
  const followed = await change('one', 'alice');
  const server = await createServer(config, world);
  onTestFinished(server.close);
  await ask(server.httpPort, '/readyz', ({ ready }: { ready: boolean }) => ready);
  await repository.git('reset', '--quiet', '--hard', 'HEAD~1');
  const refused = await change('other', 'alice');
  await hint(server.httpPort);
  await ask<Repositories>(
    server.httpPort,
    '/api/v1/repositories',
    ({ items: [it] }) => it?.refused?.tip === refused,
  );
  await server.close();

  const place = join(config.dataDir, 'repositories/mesh');
  const proof = JSON.parse(await readFile(join(place, `proofs/${refused}.json`), 'utf8'));
  expect(proof).toMatchObject({
    followed,
    refused: { tip: refused },
    conflicts: [{ seq: 2, both: ['alice'] }],
  });
  const [conflict] = proof.conflicts;
  for (const side of ['followed', 'refused'] as const) {
    const [{ armor, signed }] = conflict[side].votes;
    await repository.write('signature', armor);
    const args = ['-Y', 'check-novalidate', '-n', 'git', '-s', join(repository.dir, 'signature')];
    const said = await run('ssh-keygen', args, { input: Buffer.from(signed, 'base64') });
    expect(said.toString()).toContain(
      `Good "git" signature with ED25519 key ${conflict[side].votes[0].fingerprint}`,
    );
  }

  // The repository forgets, and so does whoever cleans up our store; what is proven stays.
  await repository.git('reflog', 'expire', '--expire=now', '--all');
  await repository.git('gc', '--quiet', '--prune=now');
  await run('git', ['-C', join(place, 'git'), 'gc', '--quiet', '--prune=now']);
  const verify = async (side: string) => {
    const store = ['--repository', join(place, 'git'), '--pin', ...config.repositories.map(({ pin }) => pin)];
    const tip = `refs/proofs/${refused}/${side}`;
    const args = [BIN, 'verify', ...store, '--tip', tip, '-o', 'json'];
    const { code, out } = await runChild(process.execPath, args, { cwd: folder, environment: process.env });
    return { code, ...JSON.parse(out) };
  };
  for (const [side, tip] of Object.entries({ followed, refused })) {
    const { next } = conflict[side];
    expect(await verify(side)).toMatchObject({
      code: 0,
      tip,
      scopes: [{ seq: 2, accepted: { digest: next } }],
    });
  }
});

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { settings } from '../../src/settings.ts';
import { envoyPath } from '../envoy.ts';
import { createFolder } from '../repository.ts';
import { deploy, root } from './files.ts';

const folder = join(deploy, 'systemd');
const units = readdirSync(folder).filter((name) => name.endsWith('.service'));
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
  /\.(service|conf)$/.test(name),
);

let copy: Awaited<ReturnType<typeof createFolder>>;
beforeAll(async () => {
  copy = await createFolder();
  await cp(folder, copy.dir, { recursive: true });
  // Where the programs are on this machine: a unit whose program is not there is not well.
  const programs = { '/usr/bin/node': process.execPath, '/usr/bin/envoy': await envoyPath() };
  for (const name of units) {
    const text = readFileSync(join(folder, name), 'utf8');
    const here = Object.entries(programs).reduce(
      (all, [from, to]) => all.replace(`=${from} `, `=${to} `),
      text,
    );
    expect(here).not.toBe(text);
    await writeFile(join(copy.dir, name), here);
  }
});
afterAll(() => copy.close());

test('systemd understands every line of the units and of what may stand beside them', () => {
  expect(units.length).toBeGreaterThan(1);
  for (const name of units) {
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', join(copy.dir, name)], {
      encoding: 'utf8',
    });
    expect({ status, stderr }, name).toEqual({ status: 0, stderr: '' });
  }
  const dropIns = files.filter((name) => name.endsWith('.conf'));
  expect(dropIns.map((name) => name.split('/')[0])).toEqual(dropIns.map(() => 'fairlead.service.d'));
});

test('systemd finds little that they could do to the machine', () => {
  for (const name of units)
    execFileSync('systemd-analyze', ['security', '--offline=yes', '--threshold=20', join(copy.dir, name)], {
      stdio: 'pipe',
    });
});

test('they say what the program knows, and run what is installed', () => {
  const known = Object.keys(settings).map(
    (name) => `FAIRLEAD_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}`,
  );
  for (const name of files) {
    const text = readFileSync(join(folder, name), 'utf8');
    const variables = [...text.matchAll(/^Environment=(FAIRLEAD_\w+)=/gm)].map(([, variable]) => variable);
    for (const variable of variables) expect([...known, 'FAIRLEAD_CONFIG'], name).toContain(variable);
    // A secret is named by the variable that is beside it.
    for (const [, secret] of text.matchAll(/^LoadCredential=([^:]+):/gm))
      expect(text).toMatch(new RegExp(`^Environment=FAIRLEAD_\\w+_FILE=%d/${secret}$`, 'm'));
    for (const [, path = ''] of text.matchAll(/\/opt\/fairlead\/(\S+)/g))
      expect(existsSync(join(root, path)), path).toBe(true);
  }
});

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { importsOf, read, roomOf, sourceFiles } from './source.ts';

/** The order of the rooms (`src/README.md`): each imports only what stands left of it. */
const STAGES = [
  'base',
  'git',
  'signatures',
  'policy',
  'votes',
  'governance',
  'manifests',
  'mesh',
  'translate',
  'xds',
];
const EDGES = ['reconcile', 'identity', 'kubernetes', 'telemetry', 'api', 'cli', 'web'];
/** What puts rooms together, and what takes what is put together. */
const ROOT = ['listen.ts', 'repositories.ts', 'api-source.ts', 'main.ts', 'serve.ts', 'program.ts'];
const CONFIG = ['environment.ts', 'setting-values.ts', 'settings.ts', 'config-file.ts', 'config.ts'];
const TOP = ['pipeline.ts', ...CONFIG, ...ROOT];
const PURE = ['signatures', 'policy', 'votes', 'governance', 'manifests', 'mesh', 'translate'];

const internal = sourceFiles().flatMap((file) => importsOf(file).filter(({ inside }) => inside));

test('every room is one that the plan knows', () => {
  const rooms = new Set(sourceFiles().map(roomOf));
  expect([...rooms].filter((room) => ![...STAGES, ...EDGES, ...TOP].includes(room))).toEqual([]);
});

test('a stage imports only what stands left of it', () => {
  const wrong = internal.filter(({ from, to }) => {
    const [here, there] = [STAGES.indexOf(roomOf(from)), STAGES.indexOf(roomOf(to))];
    return here >= 0 && roomOf(to) !== 'generated' && (there < 0 || there > here);
  });
  expect(wrong).toEqual([]);
});

test('edges never import each other, nor the composition root', () => {
  const wrong = internal.filter(({ from, to }) => {
    const [here, there] = [roomOf(from), roomOf(to)];
    return EDGES.includes(here) && here !== there && (EDGES.includes(there) || ROOT.includes(there));
  });
  expect(wrong).toEqual([]);
});

test('a room is entered through its index.ts', () => {
  const wrong = internal.filter(({ from, to }) => {
    const there = roomOf(to);
    if (there === roomOf(from) || there === 'base' || there === 'generated' || TOP.includes(there))
      return false;
    return to !== `${there}/index.ts`;
  });
  expect(wrong).toEqual([]);
});

test('each room opens with its contract', () => {
  const rooms = [...new Set(sourceFiles().map(roomOf))].filter(
    (room) => room !== 'base' && !TOP.includes(room),
  );
  const bare = rooms.filter((room) => !read(`${room}/index.ts`).startsWith('/**'));
  expect(bare).toEqual([]);
});

test('the middle four do no I/O', () => {
  const allowed = new Set(['node:crypto', 'node:util', 'node:buffer', 'node:net']);
  const wrong = internalAndPackages().filter(
    ({ from, to }) => PURE.includes(roomOf(from)) && to.startsWith('node:') && !allowed.has(to),
  );
  expect(wrong).toEqual([]);
  const net = internalAndPackages().filter(
    ({ from, to, line }) => PURE.includes(roomOf(from)) && to === 'node:net' && line !== '',
  );
  for (const { from } of net)
    expect(read(from)).toMatch(/import \{ isIPv?[46]?(, isIPv?[46]?)* \} from 'node:net'/);
});

test('the middle four know no clock, randomness, process or logger', () => {
  const forbidden =
    /\bnew Date\b|\bDate\s*[.(]|Math\.random|randomUUID|randomBytes|getRandomValues|generateKeyPair|\bprocess\.|\bsetTimeout\b|\bsetInterval\b|\bfetch\(|\bperformance\b|\bconsole\b|base\/(?:log|secret-file)\.ts|\beval\(|new Function/;
  const wrong = sourceFiles()
    .filter((file) => PURE.includes(roomOf(file)))
    .filter((file) => forbidden.test(withoutComments(read(file))));
  expect(wrong).toEqual([]);
});

test('VerifiedScope is constructed in one place', () => {
  const makers = sourceFiles().filter((file) => /\bas\b[^;\n]*\bVerifiedScope\b/.test(read(file)));
  expect(makers).toEqual(['governance/verified.ts']);
  const drafters = sourceFiles().filter((file) => /\basIfAccepted\b/.test(read(file)));
  expect(drafters).toEqual(['cli/drafts.ts', 'governance/index.ts', 'governance/proposal.ts']);
  const offline = sourceFiles().filter((file) => /\basIfVerified\b/.test(read(file)));
  expect(offline).toEqual(['cli/offline/scopes.ts', 'governance/index.ts', 'governance/verified.ts']);
});

test('environment.ts alone reads the environment, and nothing opens a shell', () => {
  const env = sourceFiles().filter((file) => /process\.(env|argv)/.test(withoutComments(read(file))));
  expect(env.filter((file) => file !== 'environment.ts')).toEqual([]);
  const shells = sourceFiles().filter((file) =>
    /shell:\s*true|\bexecSync\(|\bexec\(\s*['"`]/.test(read(file)),
  );
  expect(shells).toEqual([]);
});

test('governance is read in one sitting', () => {
  const lines = sourceFiles()
    .filter((file) => roomOf(file) === 'governance')
    .map((file) => read(file).split('\n').length - 1);
  expect(lines.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(2500);
});

test('the walk has a row for each room', () => {
  const walk = read('README.md');
  const rooms = [...new Set(sourceFiles().map(roomOf))].filter((room) => !TOP.includes(room));
  expect(rooms.filter((room) => !walk.includes(`${room}/`))).toEqual([]);
  expect(existsSync(join(import.meta.dirname, '../../src/README.md'))).toBe(true);
});

function internalAndPackages() {
  return sourceFiles().flatMap(importsOf);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

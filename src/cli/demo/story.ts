import { join } from 'node:path';
import type { Context } from '../context.ts';
import { findEnvoy } from '../envoy.ts';
import { type Ran, run as runAny } from '../native.ts';
import { trigger } from '../server-client.ts';
import { startChild } from './child.ts';
import { startEnvoy } from './envoy.ts';
import type { Narrator } from './render.ts';
import { waitForAck, waitForTip } from './server.ts';
import { freePorts, startEcho } from './services.ts';
import { expectShare, measure } from './traffic.ts';
import { createWorld, edit, type World, writeExamples } from './world.ts';

/** The launcher is one file for source and package alike. */
const BIN = join(import.meta.dirname, '../../../src/cli/bin.mjs');
const HOST = 'echo.demo.svc.cluster.local';
const REQUESTS = 2000;

/** All that runs. */
type Stage = {
  readonly world: World;
  readonly tell: Narrator;
  readonly server: string;
  readonly httpProxy: number;
  readonly alice: string;
  readonly cy: string;
  readonly forge: string;
};

/** Where what runs can be looked at. */
export type Look = Pick<Stage, 'server' | 'httpProxy'> & { readonly clone: string; readonly host: string };
type Defer = (undo: () => Promise<unknown>) => void;

/** Tells the whole story; what runs then can be looked at until it is undone. */
export async function tellStory(context: Context, tell: Narrator, defer: Defer): Promise<Look> {
  const { cacheDir, environment, terminal } = context;
  const envoy = await findEnvoy({ cacheDir, path: environment.PATH, log: terminal.say });
  const stage = await prepare(context, tell, envoy, defer);
  await acceptedState(stage);
  await oneSignature(stage);
  await secondSignature(stage);
  await unsignedEdit(stage);
  await whoSignedWhat(stage);
  return { server: stage.server, clone: stage.alice, httpProxy: stage.httpProxy, host: HOST };
}

async function prepare(context: Context, tell: Narrator, envoy: string, defer: Defer): Promise<Stage> {
  tell.step('Setup: a mesh repository, a control plane, an Envoy, two versions of echo');
  const [v1, v2] = await Promise.all([startEcho('v1'), startEcho('v2')]);
  defer(() => Promise.all([v1.close(), v2.close()]));
  const world = await createWorld(context.environment, defer);
  tell.say('keys: alice, bo (SSH Ed25519), cy (OpenPGP); two of them must sign');
  const alice = await world.clone('alice');
  await world.inTime(() => writeExamples(alice, world.folder, [v1.port, v2.port]));
  await git(world, alice, 'add', '--all');
  await git(world, alice, 'commit', '--quiet', '-S', '-m', 'Begin the mesh');
  await git(world, alice, 'push', '--quiet', 'origin', 'main');
  const [cy, forge] = await Promise.all([world.clone('cy'), world.clone('forge')]);
  const pin = join(world.folder, 'pin.json');
  tell.command(['fairlead', 'trust', 'main']);
  await fairlead(world, alice, 'trust', 'main');
  await fairlead(world, cy, 'trust', 'main');
  await fairlead(world, forge, 'trust', 'main', '--pin', pin);
  const { server, httpProxy } = await startAll(world, tell, { envoy, pin, defer });
  const stage = { world, tell, server, httpProxy, alice, cy, forge };
  await waitForAck(server, await git(world, alice, 'rev-parse', 'main'), Date.now());
  return stage;
}

type Parts = { readonly envoy: string; readonly pin: string; readonly defer: Defer };

async function startAll(world: World, tell: Narrator, { envoy, pin, defer }: Parts) {
  const { folder: cwd, environment, remote } = world;
  const serve = ['serve', '--repository', remote, '--pin', pin, '--data-dir', join(cwd, 'state')];
  tell.command(['fairlead', 'serve', '--repository', 'remote.git', '--pin', 'pin.json']);
  const args = [BIN, ...serve, '--xds', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  const log = join(cwd, 'serve.log');
  const start = { program: process.execPath, args, cwd, environment, log, ready: /"listening"/ };
  const control = await world.inTime(async () => startChild(start));
  defer(() => control.close());
  const { xdsPort, httpPort } = JSON.parse(await control.ready) as { xdsPort: number; httpPort: number };
  const [httpProxy = 0, admin = 0] = await freePorts(2);
  const words = ['bootstrap', '--namespace', 'demo', '--xds', `127.0.0.1:${xdsPort}`];
  tell.command(['fairlead', ...words]);
  const ports = ['--http-proxy', `${httpProxy}`, '--admin', `${admin}`, '--no-stats'];
  const { out } = await fairlead(world, cwd, ...words, ...ports);
  tell.command(['envoy', '-c', 'envoy.json']);
  const proxy = await world.inTime(() => startEnvoy(world, envoy, out));
  defer(() => proxy.close());
  await proxy.ready;
  return { server: `http://127.0.0.1:${httpPort}`, httpProxy };
}

async function acceptedState(stage: Stage): Promise<void> {
  stage.tell.step('(a) Traffic as the accepted state says: 90/10');
  await expectTraffic(stage, 0.1);
}

async function oneSignature(stage: Stage): Promise<void> {
  const { world, tell, alice, forge } = stage;
  tell.step('(b) alice signs a pull request for 50/50, and the forge merges it');
  await git(world, alice, 'checkout', '--quiet', '-b', 'half');
  await weights(alice, 50);
  tell.command(['git', 'commit', '-S', '-m', 'Half of the traffic to v2']);
  await git(world, alice, 'commit', '--quiet', '--all', '-S', '-m', 'Half of the traffic to v2');
  await git(world, alice, 'push', '--quiet', 'origin', 'half');
  tell.command(['git', 'merge', '--no-ff', 'half']);
  await git(world, forge, 'fetch', '--quiet');
  await git(world, forge, 'merge', '--quiet', '--no-ff', '-m', 'Merge half', 'origin/half');
  await waitForTip(stage.server, (await push(stage, forge)).tip);
  tell.command(['fairlead', 'status']);
  tell.quote(
    (await fairlead(world, alice, 'status', '--server', stage.server)).out.split('\n\n').at(-1) ?? '',
  );
  await expectTraffic(stage, 0.1);
}

async function secondSignature(stage: Stage): Promise<void> {
  const { world, tell, cy } = stage;
  tell.step('(c) cy, the second anchor, reads the difference and approves it');
  await git(world, cy, 'pull', '--quiet', 'origin', 'main');
  tell.command(['fairlead', 'approve', '--yes']);
  const approved = await fairlead(world, cy, 'approve', '--yes');
  tell.quote(
    approved.err
      .split('\n')
      .filter((line) => /^[-+] |quorum/.test(line))
      .join('\n'),
  );
  tell.quote(approved.out);
  tell.command(['git', 'push']);
  const { tip, pushedMs } = await push(stage, cy);
  tell.timing(await waitForAck(stage.server, tip, pushedMs));
  await expectTraffic(stage, 0.5);
}

async function unsignedEdit(stage: Stage): Promise<void> {
  const { world, tell, forge } = stage;
  tell.step('(d) Somebody with push rights sends everything to v2, unsigned');
  await git(world, forge, 'pull', '--quiet', 'origin', 'main');
  await weights(forge, 100);
  tell.command(['git', 'commit', '-m', 'All of the traffic to v2']);
  await git(world, forge, 'commit', '--quiet', '--all', '-m', 'All of the traffic to v2');
  tell.command(['git', 'push']);
  await waitForTip(stage.server, (await push(stage, forge)).tip);
  tell.command(['fairlead', 'verify']);
  await git(world, stage.alice, 'fetch', '--quiet');
  tell.quote((await fairlead(world, stage.alice, 'verify')).out);
  await expectTraffic(stage, 0.5);
}

async function whoSignedWhat({ world, tell, alice }: Stage): Promise<void> {
  tell.step('(e) Who signed what, and why (d) is held');
  tell.command(['fairlead', 'lineage', 'acme']);
  tell.quote((await fairlead(world, alice, 'lineage', 'acme')).out);
  tell.command(['fairlead', 'explain', 'acme']);
  tell.quote((await fairlead(world, alice, 'explain', 'acme')).out);
}

async function expectTraffic({ tell, httpProxy }: Stage, share: number): Promise<void> {
  const traffic = await measure(httpProxy, `http://${HOST}/`, REQUESTS);
  tell.traffic(traffic);
  expectShare(traffic, share);
}

/** Pushes main, and tells the server to look, as a forge's webhook would. */
async function push(
  { world, server }: Stage,
  clone: string,
): Promise<{ readonly tip: string; readonly pushedMs: number }> {
  await git(world, clone, 'push', '--quiet', 'origin', 'main');
  const pushedMs = Date.now();
  await trigger(server, 'mesh', 'source');
  return { tip: await git(world, clone, 'rev-parse', 'main'), pushedMs };
}

function weights(clone: string, v2: number): Promise<string> {
  const wanted = [100 - v2, v2];
  return edit(join(clone, 'mesh/echo/routes.yaml'), (text) =>
    text.replace(/weight: \d+/g, () => `weight: ${wanted.shift()}`),
  );
}

function git({ run }: World, clone: string, ...args: readonly string[]): Promise<string> {
  return run(clone, 'git', ...args);
}

/** A real `fairlead` command. Its code may be 3: held is what the story is about. */
function fairlead({ environment, inTime }: World, cwd: string, ...args: readonly string[]): Promise<Ran> {
  return inTime(() => runAny(process.execPath, [BIN, ...args], { cwd, environment }));
}

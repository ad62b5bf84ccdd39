import { join, relative, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { Command, Option } from 'commander';
import { createTreeDigests, openNative, quarantineOf } from '../../git/index.ts';
import { follow, formatVerification, openLine, type ScopeState } from '../../governance/index.ts';
import { findGitdir, openClone, pinPath } from '../clone.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { type FollowedFlags, followedOptions, followedTip } from '../followed.ts';
import { forgetFollowed, readFollowed, writeFollowed } from '../hook/memory.ts';
import {
  lastFollowed,
  newlyAccepted,
  newlyHeld,
  REFUSES,
  type Refuses,
  type Ruling,
  repairOf,
  rulingOf,
  updateOf,
} from '../hook/push.ts';
import { HOOKS, hookScript, hooksFolder, ours, removeHook, writeHook } from '../hook/script.ts';
import { short, wrap } from '../output.ts';
import { readPin } from '../pin-file.ts';
import { Refusal } from '../refusal.ts';
import { unblock } from '../unblock.ts';

type Flags = {
  readonly repository?: string;
  readonly pin?: string;
  readonly branch: string;
  readonly refuse: Refuses;
  readonly output: 'table' | 'json';
};

type InstallFlags = Flags & FollowedFlags;

/** For those who run the git server themselves: the verdict at the moment of a push. */
export function hookCommand(context: Context): Command {
  return new Command('hook')
    .description('a pre-receive hook: refuses a push that would break the main line, with the reason')
    .addHelpText('after', examples('fairlead hook install --repository /srv/git/mesh.git --pin pin.json'))
    .addCommand(installCommand(context))
    .addCommand(uninstallCommand(context))
    .addCommand(preReceiveCommand(context))
    .addCommand(postReceiveCommand(context));
}

function installCommand(context: Context): Command {
  const command = new Command('install').description('installs it into a repository that is pushed to');
  return hookOptions(followedOptions(command)).action(async (flags: InstallFlags) =>
    context.finish(await install(context, flags)),
  );
}

function uninstallCommand(context: Context): Command {
  return new Command('uninstall')
    .description('takes it away again')
    .option('-C, --repository <folder>', 'the repository (default: where you are)')
    .action(async (flags: Flags) => context.finish(await uninstall(context, flags)));
}

function preReceiveCommand(context: Context): Command {
  const command = new Command('pre-receive').description('what git runs: reads `old new ref` lines');
  return hookOptions(command).action(async (flags: Flags) =>
    context.finish(await preReceive(context, flags)),
  );
}

function postReceiveCommand(context: Context): Command {
  const command = new Command('post-receive').description(
    'what git runs after it: remembers what was let in',
  );
  return hookOptions(command).action(async (flags: Flags) =>
    context.finish(await postReceive(context, flags)),
  );
}

function hookOptions(command: Command): Command {
  const refuse = 'a push that breaks the line (broken), or also one that leaves a scope held';
  const output = 'json: on standard output what verify -o json says';
  return command
    .option('-C, --repository <folder>', 'the repository (default: where you are)')
    .option('--pin <file>', 'the pin (default: where `fairlead trust` put it)')
    .option('--branch <name>', 'the main line', 'main')
    .addOption(new Option('--refuse <what>', refuse).choices(REFUSES).default('broken'))
    .addOption(new Option('-o, --output <format>', output).choices(['table', 'json']).default('table'));
}

async function install(context: Context, flags: InstallFlags): Promise<number> {
  const { branch, refuse, output } = flags;
  const clone = await openClone(context, flags);
  const tip = await clone.backend.resolve(`refs/heads/${branch}`).catch(() => null);
  const isTold = flags.followed !== undefined || flags.server !== undefined;
  const told = isTold ? await followedTip(clone, flags) : await readFollowed(clone.gitdir, branch);
  const last = await lastFollowed(clone.line, clone.backend, told, tip);
  const head = last ?? tip;
  const verdict = head === null ? null : await clone.line.state(head);
  // It would refuse every push from now on.
  if (verdict?.ok === false) throw new Refusal(verdict.rule, `${branch}: ${verdict.reason}`);
  const pin = flags.pin === undefined ? [] : ['--pin', resolve(context.cwd, flags.pin)];
  const args = [...pin, '--branch', branch, '--refuse', refuse, '--output', output];
  const folder = await hooksFolder(clone.gitdir);
  for (const name of HOOKS) await ours(join(folder, name));
  for (const name of HOOKS) {
    const file = join(folder, name);
    const done = await writeHook(file, hookScript(name, args));
    context.terminal.say(
      `${done === 'same' ? 'is installed already' : 'installed'}: ${shown(context, file)}`,
    );
  }
  if (last !== null) await writeFollowed(clone.gitdir, branch, last);
  const what = refuse === 'held' ? 'breaks the line or leaves a scope held' : 'breaks the line';
  context.terminal.say(`a push to ${branch} that ${what} is refused`);
  if (last !== null && tip !== null && tip !== last)
    context.terminal.say(`${branch} has lost the line of ${short(last)}: ${repairOf(last, tip)}`);
  return exit.ok;
}

async function uninstall(context: Context, flags: Flags): Promise<number> {
  const { gitdir } = await findGitdir(resolve(context.cwd, flags.repository ?? '.'));
  const folder = await hooksFolder(gitdir);
  for (const name of HOOKS) await ours(join(folder, name));
  for (const name of HOOKS) {
    const file = join(folder, name);
    const done = await removeHook(file);
    context.terminal.say(`${done === 'absent' ? 'there is none' : 'removed'}: ${shown(context, file)}`);
  }
  await forgetFollowed(gitdir);
  return exit.ok;
}

function shown({ cwd }: Context, file: string): string {
  const path = relative(cwd, file);
  return path.startsWith('..') ? file : path;
}

async function preReceive(context: Context, flags: Flags): Promise<number> {
  const update = updateOf(await text(context.stdin), flags.branch);
  if (update === null) return exit.ok;
  const { line, objects, gitdir } = await openPushed(context, flags);
  const last = await lastFollowed(line, objects, await readFollowed(gitdir, flags.branch), update.old);
  const ruling = await rulingOf(line, objects, update, last);
  if (!ruling.ok) {
    say(context, `refused (${ruling.rule}): ${ruling.reason}`);
    say(context, `  fix: ${ruling.fix}`);
    return exit.refused;
  }
  const { state } = ruling;
  if (flags.output === 'json') context.terminal.out(formatVerification(state));
  return report(context, ruling, flags.refuse);
}

/** Only now is it sure that the branch was moved. Of pushes that end in another order the one that goes on is kept. */
async function postReceive(context: Context, flags: Flags): Promise<number> {
  const update = updateOf(await text(context.stdin), flags.branch);
  if (update === null || update.new === null) return exit.ok;
  const { line, objects, gitdir } = await openPushed(context, flags);
  const last = await lastFollowed(line, objects, await readFollowed(gitdir, flags.branch), update.old);
  const { outcome } = await follow(line, objects, last, update.new);
  if (outcome === 'followed' || outcome === 'same') await writeFollowed(gitdir, flags.branch, update.new);
  return exit.ok;
}

/** The repository with what is being pushed: git starts a hook in its git directory. */
async function openPushed(context: Context, flags: Flags) {
  const { environment, cwd, opened } = context;
  const { gitdir } = await findGitdir(resolve(cwd, flags.repository ?? '.'));
  const pin = await readPin(flags.pin === undefined ? pinPath(gitdir) : resolve(cwd, flags.pin));
  const objects = await openNative({ gitdir, environment, quarantine: quarantineOf(environment) });
  opened.defer(() => objects.close());
  return { gitdir, objects, line: openLine(objects, createTreeDigests(objects), pin) };
}

/** What the push does, for whoever pushed. */
function report(context: Context, ruling: Ruling & { readonly ok: true }, refuses: Refuses): number {
  for (const scope of newlyAccepted(ruling)) {
    say(context, `${scope.path} is accepted: seq ${scope.seq} at ${short(scope.accepted.commit)}`);
  }
  const held = newlyHeld(ruling);
  for (const scope of held) sayHeld(context, scope);
  if (refuses === 'broken' || held.length === 0) return exit.ok;
  say(context, 'refused (held): nothing is pushed that leaves a scope held');
  return exit.refused;
}

function sayHeld(context: Context, scope: ScopeState): void {
  const fix = unblock(scope);
  say(context, `${scope.path} is held (${scope.hold?.rule}): ${scope.hold?.reason}`);
  if (fix !== null) say(context, `  fix: ${fix.command}`);
}

function say({ terminal }: Context, line: string): void {
  terminal.say(wrap(line.replace(/[^\P{C}\n\t]/gu, '?'), '  '));
}

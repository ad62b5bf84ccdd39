import { Command } from 'commander';
import { Failure } from '../../../base/failure.ts';
import { fileAt } from '../../../git/index.ts';
import type { Context } from '../../context.ts';
import { examples } from '../../examples.ts';
import type { Edit } from '../../prepare/edit.ts';
import { editsOf, type PolicyFlags, policyOptions, wordsOf } from '../../prepare/policy-flags.ts';
import { type PrepareFlags, prepare, prepareOptions, start } from '../../prepare/prepare.ts';
import { Refusal } from '../../refusal.ts';
import { repositoryPath } from '../../repository-path.ts';
import { editScope } from '../../scope-file.ts';
import { findLiving } from '../../scopes.ts';

type Flags = PrepareFlags & PolicyFlags;

export function reconfigureCommand(context: Context): Command {
  const lines = [
    'fairlead scope reconfigure acme --add-anchor gus=gus.pub --threshold 3',
    'fairlead scope reconfigure payments --rotate old.pub=new.pub',
    'fairlead scope reconfigure payments --add-host pay.acme.example --require human=1 --limit-bytes 8Mi',
  ];
  const command = new Command('reconfigure')
    .addHelpText('after', examples(...lines))
    .description(
      'prepares a change of who decides and of what is owned: a branch with the edit, and who has to sign it',
    );
  return prepareOptions(policyOptions(command)).action(async (scope: string, flags: Flags) =>
    context.finish(await reconfigure(context, scope, flags)),
  );
}

/** The same mutation, for those who sign in the place of a quorum that is lost. */
export function recoverCommand(context: Context): Command {
  const command = new Command('recover')
    .addHelpText('after', examples('fairlead scope recover payments --rotate SHA256:…=new.pub'))
    .description('prepares a change of who decides that the recovery set signs: the old quorum is lost');
  return prepareOptions(policyOptions(command)).action(async (scope: string, flags: Flags) =>
    context.finish(await recover(context, scope, flags)),
  );
}

async function recover(context: Context, wanted: string, flags: Flags): Promise<number> {
  const { state } = await start(context, flags);
  const { path, policy } = findLiving(state, wanted);
  if (policy.recovery === null)
    throw new Refusal(
      'Recover',
      `${path} has no recovery set: only a quorum of its anchors changes who decides`,
    );
  const code = await reconfigure(context, wanted, flags);
  const { threshold, anchors } = policy.recovery;
  const names = anchors.map(({ name }) => name).join(', ');
  context.terminal.say(
    `recovery: ${threshold} of ${names} sign, and every new key; the lineage will say recover`,
  );
  return code;
}

async function reconfigure(context: Context, wanted: string, flags: Flags): Promise<number> {
  const from = await start(context, flags);
  const scope = findLiving(from.state, wanted);
  const { pin, backend } = from.clone;
  const file = repositoryPath(pin.path, scope.directory, 'scope.yaml');
  const bytes = await fileAt(backend, (await backend.commit(from.state.tip)).tree, file);
  const text = Buffer.from(bytes ?? []).toString();
  const { edits, entries } = await editsOf(context, text, flags);
  if (edits.length === 0)
    throw new Failure('nothing-to-do', 'what is to change?', 'see fairlead scope reconfigure --help');
  const files = entries.flatMap(({ file }): readonly Edit[] =>
    file === null ? [] : [{ path: repositoryPath(pin.path, scope.directory, file.path), bytes: file.text }],
  );
  const title = `Reconfigure ${scope.path}: ${edits.map(wordsOf).join(', ')}`;
  const changed = { path: file, bytes: editScope(text, edits) };
  return prepare(context, flags, from, { title, slug: scope.path, edits: [changed, ...files] });
}

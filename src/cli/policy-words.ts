import { CLASSES, type Policy, threshold } from '../policy/index.ts';

type Anchors = Policy['anchors'];

/** What a reconfigure changes of who decides and of what is owned, in words: one line for each thing, none where alike. */
export function policyWords(old: Policy, next: Policy): readonly string[] {
  return [
    ...anchorWords('anchor', old.anchors, next.anchors),
    ...anchorWords('recovery anchor', old.recovery?.anchors ?? [], next.recovery?.anchors ?? []),
    ...CLASSES.flatMap((name) =>
      valueWords(`threshold of ${name}`, threshold(old, name), threshold(next, name)),
    ),
    ...valueWords('threshold of recovery', old.recovery?.threshold ?? null, next.recovery?.threshold ?? null),
    ...listWords('requires', requirements(old), requirements(next)),
    ...valueWords('statements', old.statements, next.statements),
    ...listWords('owns namespace', old.owns.namespaces, next.owns.namespaces),
    ...listWords('owns host', old.owns.hosts, next.owns.hosts),
    ...valueWords('limit of files', limit(old.limits.files), limit(next.limits.files)),
    ...valueWords('limit of bytes', limit(old.limits.bytes), limit(next.limits.bytes)),
  ];
}

function anchorWords(role: string, old: Anchors, next: Anchors): readonly string[] {
  const names = [...new Set([...old, ...next].map(({ name }) => name))];
  return names.flatMap((name) => {
    const [before, after] = [old, next].map((anchors) => anchors.find((anchor) => anchor.name === name));
    const keys = (anchor: Anchors[number] | undefined) =>
      anchor?.keys.map(({ fingerprint }) => fingerprint) ?? [];
    const sign = before === undefined ? '+' : after === undefined ? '-' : null;
    const whole = sign === null ? [] : [`${sign} ${role} ${name}`];
    const type =
      sign === null ? valueWords(`type of ${role} ${name}`, before?.type ?? '', after?.type ?? '') : [];
    return [...whole, ...type, ...listWords(`key of ${name}`, keys(before), keys(after))];
  });
}

/** What has no limit of its own has none here. */
function limit(value: number): number | null {
  return value === Infinity ? null : value;
}

function requirements({ require }: Policy): readonly string[] {
  return require.map(({ type, atLeast }) => `at least ${atLeast} of type ${type}`);
}

function listWords(what: string, old: readonly string[], next: readonly string[]): readonly string[] {
  const gone = old.filter((each) => !next.includes(each)).map((each) => `- ${what} ${each}`);
  return [...gone, ...next.filter((each) => !old.includes(each)).map((each) => `+ ${what} ${each}`)];
}

function valueWords<Value>(what: string, old: Value, next: Value): readonly string[] {
  return old === next ? [] : [`${what}: ${old ?? 'none'} -> ${next ?? 'none'}`];
}

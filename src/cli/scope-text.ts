import { randomBytes } from 'node:crypto';
import type { Entry } from './anchor-entries.ts';
import { scalar } from './scope-file.ts';

/** What the first `scope.yaml` of a scope says. */
export type NewScope = {
  readonly name: string;
  readonly entries: readonly Entry[];
  readonly threshold: number;
  readonly statements: 'Optional' | 'Required';
  readonly owns: { readonly namespaces: readonly string[]; readonly hosts: readonly string[] };
};

/** A `scope.yaml` with a new salt, so that its uid is like no other. */
export function scopeText({ name, entries, threshold, statements, owns }: NewScope): string {
  const lines = entries.flatMap((entry) => [
    `    - name: ${scalar(entry.name)}`,
    '      keys:',
    ...Object.entries(entry.key).map(
      ([field, value], index) => `        ${index === 0 ? '-' : ' '} ${field}: ${scalar(value)}`,
    ),
  ]);
  // The salt is quoted: 32 hex digits may look like a number.
  return `# yaml-language-server: $schema=https://fairlead.dev/schemas/v1alpha1/scope.json
apiVersion: fairlead.dev/v1alpha1
kind: Scope
metadata:
  name: ${scalar(name)}
spec:
  ruleset: 1
  salt: "${randomBytes(16).toString('hex')}"
  anchors:
${lines.join('\n')}
  quorum:
    threshold: ${threshold}
${statements === 'Required' ? '    statements: Required\n' : ''}  owns:
    namespaces: ${listed(owns.namespaces)}
    hosts: ${listed(owns.hosts)}
`;
}

function listed(names: readonly string[]): string {
  return `[${names.map((name) => (name.startsWith('*') ? JSON.stringify(name) : scalar(name))).join(', ')}]`;
}

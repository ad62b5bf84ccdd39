/** The caps of ruleset 1 that are about trees (formats.md "Caps"; G17). */
export const CAPS = {
  pathDepth: 32,
  entriesPerTree: 100_000,
  ownFiles: 20_000,
  ownBytes: 256 * 1024 * 1024,
  fileBytes: 4 * 1024 * 1024,
  governanceFileBytes: 1024 * 1024,
} as const;

/** Whether a path within a scope is one of its governance files (formats.md, first paragraph). */
export function isGovernanceFile(path: string): boolean {
  return path === 'scope.yaml' || path === 'delegations.yaml' || /^(?:anchors|identity)\//.test(path);
}

/** A scope's file as a path from the repository's root. */
export function repositoryPath(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '' && part !== '.').join('/');
}

import type { HttpMatch, PresenceOrMatch, StringMatch } from '../manifests/index.ts';
import { entranceOf } from './gateways.ts';
import type { Match, NamedMatch, TextMatch } from './types.ts';

/** A match of a VirtualService. */
export function readMatch(match: HttpMatch, namespace: string): Match {
  const pseudo = { ':method': match.method, ':authority': match.authority, ':scheme': match.scheme };
  return {
    name: match.name ?? null,
    statPrefix: match.statPrefix ?? null,
    path: match.uri === undefined ? null : readText(match.uri),
    ignorePathCase: match.ignoreUriCase ?? false,
    headers: [...readNamed(pseudo), ...readNamed(match.headers)],
    withoutHeaders: readNamed(match.withoutHeaders),
    query: readNamed(match.queryParams),
    port: match.port ?? null,
    fromNamespace: match.sourceNamespace ?? null,
    fromLabels: match.sourceLabels ?? {},
    entrances: (match.gateways ?? []).map((gateway) => entranceOf(gateway, namespace)),
  };
}

function readNamed(
  values: Readonly<Record<string, PresenceOrMatch | undefined>> = {},
): readonly NamedMatch[] {
  return Object.entries(values).flatMap(([name, value]) => {
    return value === undefined ? [] : [{ name, value: readText(value) }];
  });
}

export function readText({ exact, prefix, regex }: StringMatch | PresenceOrMatch): TextMatch | null {
  if (exact !== undefined) return { how: 'exact', text: exact };
  if (prefix !== undefined) return { how: 'prefix', text: prefix };
  return regex === undefined ? null : { how: 'regex', text: regex };
}

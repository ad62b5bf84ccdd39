import { RE2JS } from 're2js';
import type { envoy } from '../generated/envoy.js';

type NodeMatcher = envoy.type.matcher.v3.NodeMatcher;
type StringMatcher = envoy.type.matcher.v3.StringMatcher;

/** Is it about the node of this id? */
export type NodeTest = (nodeId: string) => boolean;

const HOW = {
  exact: (text: string, wanted: string) => text === wanted,
  prefix: (text: string, wanted: string) => text.startsWith(wanted),
  suffix: (text: string, wanted: string) => text.endsWith(wanted),
  contains: (text: string, wanted: string) => text.includes(wanted),
} as const;

/** `envoy.type.matcher.v3.NodeMatcher`, by the node id only. A text: why it cannot be used. */
export function nodeTest(matcher: NodeMatcher): NodeTest | string {
  if (matcher.nodeMetadatas.length > 0) return 'node_metadatas is not supported: match by node_id';
  return matcher.nodeId ? stringTest(matcher.nodeId) : () => true;
}

function stringTest(matcher: StringMatcher): NodeTest | string {
  // What is not set of a oneof reads as its default: only an own property is the one that was sent.
  const how = (['exact', 'prefix', 'suffix', 'contains'] as const).find((each) =>
    Object.hasOwn(matcher, each),
  );
  if (Object.hasOwn(matcher, 'safeRegex')) return regexTest(matcher.safeRegex?.regex ?? '');
  if (how === undefined) return 'node_id: use exact, prefix, suffix, contains or safe_regex';
  const fold = (text: string) => (matcher.ignoreCase ? text.toLowerCase() : text);
  const wanted = fold(matcher[how] ?? '');
  return (nodeId) => HOW[how](fold(nodeId), wanted);
}

/** RE2 as the API has it, so that no expression keeps the server busy for long; all of the id has to match. */
function regexTest(regex: string): NodeTest | string {
  try {
    const compiled = RE2JS.compile(regex);
    return (nodeId) => compiled.matcher(nodeId).matches();
  } catch {
    return `node_id: ${JSON.stringify(regex.slice(0, 256))} is no RE2 expression`;
  }
}

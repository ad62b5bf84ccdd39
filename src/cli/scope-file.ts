import { type Document, isMap, isSeq, parseDocument, stringify, type YAMLMap, type YAMLSeq } from 'yaml';
import { Failure } from '../base/failure.ts';
import type { Entry, WrittenKey } from './anchor-entries.ts';
import { sshKey } from './keys.ts';
import { yamlText } from './yaml-text.ts';

/** What a reconfigure does to a `scope.yaml`. */
export type PolicyEdit =
  | { readonly do: 'add-anchor' | 'add-key' | 'add-recovery'; readonly entry: Entry }
  | { readonly do: 'remove-anchor'; readonly name: string }
  | { readonly do: 'remove-key'; readonly fingerprint: string }
  | { readonly do: 'rotate'; readonly fingerprint: string; readonly entry: Entry }
  | ({ readonly do: 'own' } & Owned)
  | ({ readonly do: 'disown' } & Owned)
  | ({ readonly do: 'require' } & Requirement)
  /** The value NO_LIMIT takes the field away. */
  | { readonly do: 'set'; readonly path: readonly string[]; readonly value: string | number };

type Owned = { readonly list: 'namespaces' | 'hosts'; readonly name: string };

/** At least so many of a type in every quorum; 0 takes the requirement away. */
export type Requirement = { readonly type: 'human' | 'automation'; readonly atLeast: number };

export const NO_LIMIT = 'none';

/** The text with the edits; comments and what they do not touch stay as they are. Throws Failure edit-impossible. */
export function editScope(text: string, edits: readonly PolicyEdit[]): string {
  const document = parseDocument(text, { version: '1.2', schema: 'core' });
  if (document.errors.length > 0 || !isMap(document.contents))
    throw impossible('scope.yaml cannot be read', 'fix it by hand first');
  for (const edit of edits) apply(document, edit);
  return yamlText(document, text);
}

function apply(document: Document, edit: PolicyEdit): void {
  if (edit.do === 'set') set(document, edit.path, edit.value);
  else if (edit.do === 'require') requireType(document, edit);
  else if (edit.do === 'own') own(document, edit);
  else if (edit.do === 'disown') disown(document, edit);
  else if (edit.do === 'remove-anchor') removeAnchor(document, edit.name);
  else if (edit.do === 'remove-key') removeKey(document, edit.fingerprint);
  else if (edit.do === 'rotate') rotate(document, edit.fingerprint, edit.entry);
  else if (edit.do === 'add-anchor') addAnchor(document, ['spec', 'anchors'], edit.entry);
  else if (edit.do === 'add-recovery') addAnchor(document, ['spec', 'recovery', 'anchors'], edit.entry);
  else keysOf(anchorNamed(document, edit.entry.name)).add(document.createNode(edit.entry.key));
}

/** A bare value goes into the node that is there, so that the comment beside it stays. */
function set(document: Document, path: readonly string[], value: string | number): void {
  if (value !== NO_LIMIT) document.setIn(path, value);
  else if (document.hasIn(path)) remove(document, path);
}

/** With the map or list that it leaves empty. */
function remove(document: Document, path: readonly string[]): void {
  document.deleteIn(path);
  const above = path.slice(0, -1);
  const rest = document.getIn(above);
  if (isMap(rest) && rest.items.length === 0) document.deleteIn(above);
}

function requireType(document: Document, { type, atLeast }: Requirement): void {
  const path = ['spec', 'quorum', 'require'];
  const list = listAt(document, path);
  const found = list.items.filter((item): item is YAMLMap => isMap(item) && item.get('type') === type);
  if (atLeast === 0) list.items = list.items.filter((item) => !found.some((each) => each === item));
  else if (found.length > 0) for (const item of found) item.set('atLeast', atLeast);
  else list.add(document.createNode({ type, atLeast }));
  if (list.items.length === 0) document.deleteIn(path);
}

function own(document: Document, { list, name }: Owned): void {
  const owned = listAt(document, ['spec', 'owns', list]);
  if (!namesIn(owned).includes(name)) owned.add(document.createNode(name));
  else throw impossible(`${name} is among its ${list} already`, 'leave that out');
}

function disown(document: Document, { list, name }: Owned): void {
  const owned = listAt(document, ['spec', 'owns', list]);
  const names = namesIn(owned);
  if (names.includes(name)) owned.delete(names.indexOf(name));
  else throw impossible(`${name} is not among its ${list}`, `name one of: ${names.join(', ') || 'none'}`);
}

function namesIn(list: YAMLSeq): readonly unknown[] {
  return list.toJSON() as readonly unknown[];
}

function listAt(document: Document, path: readonly string[]): YAMLSeq {
  if (!isSeq(document.getIn(path))) document.setIn(path, document.createNode([]));
  return document.getIn(path) as YAMLSeq;
}

function addAnchor(document: Document, path: readonly string[], { name, key }: Entry): void {
  if (anchorsOf(document).some((anchor) => anchor.get('name') === name))
    throw impossible(
      `there is an anchor ${name} already`,
      'give them a second key with --add-key, or another name',
    );
  const list = listAt(document, path);
  list.flow = false;
  list.add(document.createNode({ name, keys: [key] }));
}

function removeAnchor(document: Document, name: string): void {
  anchorNamed(document, name);
  for (const list of lists(document))
    list.items = list.items.filter((anchor) => !(isMap(anchor) && anchor.get('name') === name));
}

function removeKey(document: Document, fingerprint: string): void {
  const { anchor, at } = keyPlace(document, fingerprint);
  const keys = keysOf(anchor);
  if (keys.items.length === 1)
    throw impossible(
      `${fingerprint} is the only key of ${anchor.get('name')}`,
      'use --remove-anchor, or --rotate',
    );
  keys.delete(at);
}

function rotate(document: Document, fingerprint: string, { key }: Entry): void {
  const { anchor, at } = keyPlace(document, fingerprint);
  keysOf(anchor).set(at, document.createNode(key));
}

/** Whose key it is, for what a rotation writes beside it. */
export function holderOf(text: string, fingerprint: string): string {
  const document = parseDocument(text, { version: '1.2', schema: 'core' });
  return String(keyPlace(document, fingerprint).anchor.get('name'));
}

function keyPlace(document: Document, fingerprint: string) {
  for (const anchor of anchorsOf(document)) {
    const keys = (keysOf(anchor).toJSON() as readonly WrittenKey[]) ?? [];
    const at = keys.findIndex((key) => fingerprintOf(key) === fingerprint);
    if (at >= 0) return { anchor, at };
  }
  throw impossible(
    `no anchor has the key ${fingerprint}`,
    'fairlead trust and fairlead key-impact show those there are',
  );
}

function fingerprintOf(key: WrittenKey): string | null {
  return 'ssh' in key ? (sshKey(key.ssh)?.fingerprint ?? null) : key.openpgp;
}

function anchorNamed(document: Document, name: string): YAMLMap {
  const all = anchorsOf(document);
  const found = all.find((anchor) => anchor.get('name') === name);
  if (found !== undefined) return found;
  const names = all.map((anchor) => anchor.get('name')).join(', ');
  throw impossible(`there is no anchor ${name}`, `name one of: ${names}`);
}

function anchorsOf(document: Document): readonly YAMLMap[] {
  return lists(document).flatMap(({ items }) => items.filter((item): item is YAMLMap => isMap(item)));
}

/** The anchors, and those of the recovery set. */
function lists(document: Document): readonly YAMLSeq[] {
  const found = [document.getIn(['spec', 'anchors']), document.getIn(['spec', 'recovery', 'anchors'])];
  return found.filter((list): list is YAMLSeq => isSeq(list));
}

function keysOf(anchor: YAMLMap): YAMLSeq {
  const keys = anchor.get('keys');
  if (isSeq(keys)) return keys;
  throw impossible(`the keys of ${anchor.get('name')} are no list`, 'fix it by hand first');
}

/** One scalar of YAML on one line, quoted where it would be read as anything but this text. */
export function scalar(text: string): string {
  return stringify(text, { version: '1.2', schema: 'core', lineWidth: 0 }).trimEnd();
}

function impossible(message: string, fix: string): Failure {
  return new Failure('edit-impossible', message, fix);
}

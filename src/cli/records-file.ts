import { type Document, isMap, isSeq, parseDocument, type YAMLMap, type YAMLSeq } from 'yaml';
import { Failure } from '../base/failure.ts';
import { yamlText } from './yaml-text.ts';

/** A record of `delegations.yaml` as it is written. */
export type WrittenRecord = Readonly<Record<string, unknown>> & {
  readonly name: string;
  readonly uid: string;
};

export type RecordEdit =
  | { readonly do: 'add'; readonly record: WrittenRecord }
  /** Fields of the record of a uid, in the order in which they are to stand; undefined takes one away. */
  | { readonly do: 'change'; readonly uid: string; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly do: 'remove'; readonly uid: string };

/** The text with the edits, comments kept; `text` null: a new file of the scope `name`. */
export function editRecords(text: string | null, name: string, edits: readonly RecordEdit[]): string {
  const begun = `apiVersion: fairlead.dev/v1alpha1\nkind: Delegations\nmetadata:\n  name: ${name}\nspec: []\n`;
  const document = parseDocument(text ?? begun, { version: '1.2', schema: 'core' });
  const records = document.get('spec');
  if (document.errors.length > 0 || !isSeq(records))
    throw new Failure('edit-impossible', 'delegations.yaml cannot be read', 'fix it by hand first');
  for (const edit of edits) apply(document, records, edit);
  if (records.items.length > 0) records.flow = false;
  return yamlText(document, text ?? '');
}

function apply(document: Document, records: YAMLSeq, edit: RecordEdit): void {
  if (edit.do === 'add') {
    records.add(document.createNode(edit.record));
    return;
  }
  const record = recordOf(records, edit.uid);
  if (edit.do === 'remove') {
    records.items = records.items.filter((item) => item !== record);
    return;
  }
  for (const [field, value] of Object.entries(edit.fields)) {
    if (value === undefined) record.delete(field);
    else record.set(field, document.createNode(value));
  }
}

/** The record of a uid in the text of a `delegations.yaml`, as it is written there. */
export function recordIn(text: string, uid: string): Readonly<Record<string, unknown>> {
  const records = parseDocument(text, { version: '1.2', schema: 'core' }).get('spec');
  if (!isSeq(records))
    throw new Failure('edit-impossible', 'delegations.yaml cannot be read', 'fix it by hand first');
  return recordOf(records, uid).toJSON() as Readonly<Record<string, unknown>>;
}

/** The one that says where the scope is; a forward is another. */
function recordOf({ items }: YAMLSeq, uid: string): YAMLMap {
  const found = items.find(
    (item): item is YAMLMap => isMap(item) && item.get('uid') === uid && !item.has('forward'),
  );
  if (found !== undefined) return found;
  throw new Failure('edit-impossible', `there is no record of ${uid}`, 'is it another scope that has it?');
}

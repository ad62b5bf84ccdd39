import { type Document, isMap, visit, type YAMLMap, type YAMLSeq } from 'yaml';

/**
 * An edited document as its author writes (`before`): spaces within brackets and braces, and indents. So the difference
 * shows what was changed, and nothing else.
 */
export function yamlText(document: Document, before: string): string {
  const list = /\[[^\s\]]/.test(before) || !/\[ /.test(before) ? '' : ' ';
  const map = /\{[^\s}]/.test(before) ? '' : ' ';
  visit(document, { Collection: (_, node) => space(node, isMap(node) ? map : list) });
  const indent = /^ +/m.exec(before)?.[0].length ?? 2;
  return document.toString({ lineWidth: 0, indent, indentSeq: !/^( *)[^\s#].*:\n\1- /m.test(before) });
}

/** The library knows one padding for both. */
function space(node: YAMLMap | YAMLSeq, flowCollectionPadding: '' | ' '): void {
  const text = node.toString.bind(node);
  node.toString = (context, ...rest) => text(context && { ...context, flowCollectionPadding }, ...rest);
}

import type { Document } from 'yaml';
import { CST, isCollection, isNode, Lexer, visit } from 'yaml';

/** Brackets and braces within each other. A configuration has some six. */
const MAX_FLOW_DEPTH = 64;
/** Of an indicator in block style. Each level takes a column at least, so that it bounds their depth. */
const MAX_COLUMN = 256;

/**
 * Offset at which a text is nested too deeply to be handed to the parser, which descends by recursion: text that takes its
 * stack takes the process. Undefined: it can be.
 */
export function tooDeepAt(text: string): number | undefined {
  let offset = 0;
  let column = 0;
  let depth = 0;
  for (const token of new Lexer().lex(text)) {
    const type = CST.tokenType(token);
    // The lexer's own marks stand in no text.
    if (token === CST.DOCUMENT || token === CST.FLOW_END || token === CST.SCALAR) continue;
    if (type === 'flow-seq-start' || type === 'flow-map-start') depth++;
    if (type === 'flow-seq-end' || type === 'flow-map-end') depth = Math.max(0, depth - 1);
    const opens = type === 'seq-item-ind' || type === 'explicit-key-ind' || type === 'map-value-ind';
    if (depth > MAX_FLOW_DEPTH || (opens && depth === 0 && column > MAX_COLUMN)) return offset;
    offset += token.length;
    const newline = token.lastIndexOf('\n');
    column = newline < 0 ? column + token.length : token.length - newline - 1;
  }
  return undefined;
}

/** Offset of a list or a mapping that stands as a key. It has no place here, and writing such keys out can take for ever. */
export function collectionKeyAt(document: Document): number | undefined {
  let at: number | undefined;
  visit(document, {
    Pair: (_key, { key }) => {
      if (!isCollection(key)) return undefined;
      at = (isNode(key) ? key.range?.[0] : undefined) ?? 0;
      return visit.BREAK;
    },
  });
  return at;
}

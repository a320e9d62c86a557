import type { Document } from 'yaml';
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { messageOf } from '../errors.ts';
import { collectionKeyAt, tooDeepAt } from './nesting.ts';
import type { ConfigProblem } from './problems.ts';

/** A YAML text that was read, and where in it things stand. */
export interface ConfigSource {
  readonly value: unknown;
  /** Empty: it is good YAML. */
  readonly problems: readonly ConfigProblem[];
  /** False when the value cannot be trusted to be what was meant, so that checking it would only mislead. */
  readonly readable: boolean;
  has(path: readonly PropertyKey[]): boolean;
  /** Line of a value, or of the nearest one around it that exists. */
  lineOf(path: readonly PropertyKey[]): number | undefined;
  /** Line of a key in the mapping at `path`. */
  lineOfKey(path: readonly PropertyKey[], key: string): number | undefined;
}

export function readYaml(text: string): ConfigSource {
  const lines = new LineCounter();
  const deep = tooDeepAt(text);
  if (deep !== undefined) return unreadable(lineAtOffset(text, deep), 'it is nested too deeply');
  // Pretty errors would quote the source, which holds tokens.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const faults = [...document.errors, ...document.warnings];
  const problems: ConfigProblem[] = faults.map(({ pos, message }) => ({
    path: '',
    line: lines.linePos(pos[0]).line,
    // Behind a colon the parser quotes what it met, which can be a token.
    message: message.split(':', 1)[0] ?? '',
  }));
  const lineAt = (node: unknown): number | undefined =>
    isNode(node) && node.range ? lines.linePos(node.range[0]).line : undefined;
  const key = collectionKeyAt(document);
  if (key !== undefined) return unreadable(lineAtOffset(text, key), 'a list or a mapping cannot be a key');
  const { value, problem } = toValue(document);
  return {
    value,
    problems: problem === undefined ? problems : [...problems, problem],
    // A repeated key leaves the rest as it was meant.
    readable: problem === undefined && document.errors.every(({ code }) => code === 'DUPLICATE_KEY'),
    has: path => document.hasIn(path),
    lineOf: path => {
      for (let length = path.length; length >= 0; length--) {
        const line = lineAt(nodeAt(document, path.slice(0, length)));
        if (line !== undefined) return line;
      }
      return undefined;
    },
    lineOfKey: (path, key) => {
      const map = nodeAt(document, path);
      const pair = isMap(map)
        ? map.items.find(item => isScalar(item.key) && item.key.value === key)
        : undefined;
      return lineAt(pair?.key);
    },
  };
}

function unreadable(line: number, message: string): ConfigSource {
  return {
    value: undefined,
    problems: [{ path: '', line, message }],
    readable: false,
    has: () => false,
    lineOf: () => undefined,
    lineOfKey: () => undefined,
  };
}

function lineAtOffset(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

function nodeAt(document: Document, path: readonly PropertyKey[]): unknown {
  return path.length === 0 ? document.contents : document.getIn(path, true);
}

/** Aliases are resolved here, and too many of them are refused (`maxAliasCount`). */
function toValue(document: Document): { value: unknown; problem?: ConfigProblem } {
  try {
    return { value: document.toJS() };
  } catch (error) {
    return { value: undefined, problem: { path: '', message: messageOf(error) } };
  }
}

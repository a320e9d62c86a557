import { WitnessError } from '../errors.ts';
import type { QueryPair } from './query.ts';
import { escapeQuery, isTrue, readQuery } from './query.ts';
import type { AskedStreams } from './remotecommand.ts';

/** What the query of an exec or attach asks for (core/v1 `PodExecOptions`, `PodAttachOptions`). */
export interface ExecOptions {
  /** In order, empty arguments kept. Empty for attach, which runs nothing. */
  readonly command: readonly string[];
  readonly container?: string;
  readonly streams: AskedStreams;
  /** Parameters that are not known here, decoded, in order: later API servers may know them. */
  readonly others: readonly QueryPair[];
}

/** Names are case-sensitive. */
const KNOWN: ReadonlySet<string> = new Set(['command', 'container', 'stdin', 'stdout', 'stderr', 'tty']);

/**
 * Reads the query as the API server does. Throws KW_BAD_REQUEST for what servers read differently, and when no stream
 * is asked for (the kubelet refuses that too).
 *
 * attach knows no command: there, `command` is one of the others, so that no cast names a command that never ran.
 */
export function readExecOptions(query: string, type: 'exec' | 'attach' = 'exec'): ExecOptions {
  const pairs = readQuery(query);
  // Of several values the first counts, except for command.
  const first = (name: string): string | undefined => pairs.find(([candidate]) => candidate === name)?.[1];
  const tty = isTrue(first('tty'));
  const streams: AskedStreams = {
    stdin: isTrue(first('stdin')),
    stdout: isTrue(first('stdout')),
    stderr: isTrue(first('stderr')) && !tty,
    tty,
  };
  if (!streams.stdin && !streams.stdout && !streams.stderr) {
    throw new WitnessError(
      'KW_BAD_REQUEST',
      'the query must ask for at least one of stdin, stdout and stderr',
    );
  }
  const container = first('container');
  const isOther = (name: string): boolean => !KNOWN.has(name) || (name === 'command' && type === 'attach');
  return {
    command: type === 'attach' ? [] : pairs.filter(([name]) => name === 'command').map(([, value]) => value),
    ...(container === undefined || container === '' ? {} : { container }),
    streams,
    others: pairs.filter(([name]) => isOther(name)),
  };
}

/** The query that goes upstream: known names sorted as kubectl sends them, true as `true`, false as absence. */
export function writeExecQuery({ command, container, streams, others }: ExecOptions): string {
  const flag = (name: keyof AskedStreams): QueryPair[] => (streams[name] ? [[name, 'true']] : []);
  const pairs: QueryPair[] = [
    ...command.map((argument): QueryPair => ['command', argument]),
    ...(container === undefined ? [] : [['container', container] as const]),
    ...flag('stderr'),
    ...flag('stdin'),
    ...flag('stdout'),
    ...flag('tty'),
    ...others,
  ];
  return pairs.map(([name, value]) => `${escapeQuery(name)}=${escapeQuery(value)}`).join('&');
}

import type { TerminalSize } from '../kube/remotecommand.ts';

/** Stands in for a size that never came: what a terminal is when nothing else is known, since the VT100. */
export const DEFAULT_SIZE: TerminalSize = { cols: 80, rows: 24 };

/** All that a cast's header says besides size and time: known before the session streams. */
export interface CastSubject {
  /** argv; the header joins it by one space. Empty for attach. */
  readonly command: readonly string[];
  /** Fully qualified name of the caller's node, without the last dot. */
  readonly srcNode: string;
  readonly srcNodeID: string;
  readonly srcNodeTags?: readonly string[];
  readonly srcNodeUserID?: number;
  readonly srcNodeUser?: string;
  /** Keys as Tailscale's recorder reads them. */
  readonly kubernetes: {
    readonly PodName: string;
    readonly Namespace: string;
    readonly Container: string;
    readonly SessionType: 'exec' | 'attach';
  };
  readonly kubewitness: {
    readonly sessionId: string;
    readonly auditId: string;
    readonly user: string;
    readonly groups: readonly string[];
    readonly cluster: string;
    readonly subprotocol: string;
    /** Name of this part; the first part of a session ends in `.1`. */
    readonly recordingId?: string;
    /** The part that this one carries on, and the bytes of it that stand. */
    readonly continues?: { readonly recording: string; readonly offset: number };
  };
}

/** The first line: asciicast v2 with the fields, and the order, of Tailscale's recordings, then ours. */
export function headerLine(subject: CastSubject, size: TerminalSize, timestampSeconds: number): Buffer {
  const command = subject.command.join(' ');
  return line({
    version: 2,
    width: size.cols,
    height: size.rows,
    timestamp: Math.floor(timestampSeconds),
    ...(command === '' ? {} : { command }),
    srcNode: subject.srcNode,
    srcNodeID: subject.srcNodeID,
    ...(subject.srcNodeTags?.length ? { srcNodeTags: subject.srcNodeTags } : {}),
    ...(subject.srcNodeUserID ? { srcNodeUserID: subject.srcNodeUserID } : {}),
    ...(subject.srcNodeUser ? { srcNodeUser: subject.srcNodeUser } : {}),
    // The next four say nothing about Kubernetes, but readers of SSH recordings expect the keys.
    env: null,
    sshUser: '',
    localUser: '',
    connectionID: '',
    kubernetes: {
      PodName: subject.kubernetes.PodName,
      Namespace: subject.kubernetes.Namespace,
      Container: subject.kubernetes.Container,
      SessionType: subject.kubernetes.SessionType,
    },
    kubewitness: subject.kubewitness,
  });
}

/** `seconds` since the header's timestamp. */
export function outputLine(seconds: number, text: string): Buffer {
  return line([atMicroseconds(seconds), 'o', text]);
}

/** Columns first, as asciicast v2 says and players read it. */
export function resizeLine(seconds: number, size: TerminalSize): Buffer {
  return line([atMicroseconds(seconds), 'r', `${size.cols}x${size.rows}`]);
}

export function markerLine(seconds: number, text: string): Buffer {
  return line([atMicroseconds(seconds), 'm', text]);
}

/**
 * Output as one line, or as several when one would pass `maxBytes`, newline included (escapes make a byte up to six).
 * A character is never cut.
 */
export function outputLines(seconds: number, text: string, maxBytes: number): Buffer[] {
  const whole = outputLine(seconds, text);
  if (whole.length <= maxBytes) return [whole];
  const middle = characterBorder(text, text.length >> 1);
  if (middle === 0) return [whole];
  return [
    ...outputLines(seconds, text.slice(0, middle), maxBytes),
    ...outputLines(seconds, text.slice(middle), maxBytes),
  ];
}

function characterBorder(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff ? at - 1 : at;
}

function atMicroseconds(seconds: number): number {
  return Number.isFinite(seconds) && seconds > 0 ? Math.round(seconds * 1e6) / 1e6 : 0;
}

function line(value: unknown): Buffer {
  return Buffer.from(`${escapeLineBreaks(JSON.stringify(value))}\n`, 'utf8');
}

/**
 * JSON lets U+0085, U+2028 and U+2029 stand in a string, but readers that split at Unicode's line ends would cut there.
 * Looking first is far cheaper than replacing: nearly no output has one.
 */
function escapeLineBreaks(json: string): string {
  if (!json.includes('\u2028') && !json.includes('\u2029') && !json.includes('\u0085')) return json;
  return json.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029').replaceAll('\u0085', '\\u0085');
}

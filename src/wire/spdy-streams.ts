import type { AskedStreams, SpdySubprotocol, StreamName } from '../kube/remotecommand.ts';

export interface SpdyStream {
  readonly id: number;
  readonly name: StreamName;
}

/** The streams that the client has opened: each kind that was asked for, once. */
export class SpdyStreams {
  readonly #asked: ReadonlySet<string>;
  readonly #byId = new Map<number, SpdyStream>();
  #lastId = 0;

  constructor(asked: ReadonlySet<StreamName>) {
    this.#asked = asked;
  }

  /** Highest id so far; 0 before the first stream. */
  get lastId(): number {
    return this.#lastId;
  }

  get allOpened(): boolean {
    return this.#byId.size === this.#asked.size;
  }

  /** True while a stream of that type may still be opened. */
  isWanted(streamType: string): streamType is StreamName {
    return this.#asked.has(streamType) && !this.all().some(({ name }) => name === streamType);
  }

  open(stream: SpdyStream): void {
    this.#byId.set(stream.id, stream);
    this.#lastId = stream.id;
  }

  get(id: number): SpdyStream | undefined {
    return this.#byId.get(id);
  }

  all(): readonly SpdyStream[] {
    return [...this.#byId.values()];
  }
}

/** Streams of a session: the error stream always, resize from v3 on and with a terminal only (client-go remotecommand). */
export function streamsAsked(subprotocol: SpdySubprotocol, asked: AskedStreams): ReadonlySet<StreamName> {
  const resizes = subprotocol === 'v3.channel.k8s.io' || subprotocol === 'v4.channel.k8s.io';
  const names = new Set<StreamName>(['error']);
  if (asked.stdin) names.add('stdin');
  if (asked.stdout) names.add('stdout');
  if (asked.stderr) names.add('stderr');
  if (asked.tty && resizes) names.add('resize');
  return names;
}

import type { ServerResponse } from 'node:http';
import { ApiFailure } from './failure.ts';
import { type JsonObject, textAt } from './json.ts';
import type { Selector } from './selector.ts';
import type { Change, ResourceName, Store } from './store.ts';

export interface WatchOptions {
  readonly resource: ResourceName;
  readonly namespace: string | undefined;
  readonly selects: Selector;
  /** Undefined or 0: begin with what there is. */
  readonly since: number | undefined;
  /** End the beginning with a bookmark (`sendInitialEvents`, KEP-3157). */
  readonly marksInitial: boolean;
  readonly timeoutSeconds: number | undefined;
  /** How an object is shown: as it is, or as a Table of one row. */
  readonly present: (object: JsonObject) => JsonObject;
}

/** The API server ends a watch whose client does not keep up; so many events may wait. */
const MAX_PENDING = 1_000;
/** Where the API server would pick a random time of this order. */
const DEFAULT_TIMEOUT_SECONDS = 3_600;

/** Serves one watch until the client leaves, the time is over or the client falls behind. */
export function serveWatch(store: Store, response: ServerResponse, options: WatchOptions): void {
  const pending: string[] = [];
  const stopListening = store.onChange(onChange);
  const timer = setTimeout(end, (options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * 1_000);
  response.once('close', end);
  response.on('drain', flush);
  response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache, private' });
  // kubectl waits for the headers before it goes on, and there may be no event for a long time.
  response.flushHeaders();
  begin();

  function begin(): void {
    if (options.since !== undefined && options.since > 0 && !options.marksInitial) {
      try {
        for (const change of store.since(options.since)) onChange(change);
      } catch (error) {
        if (!(error instanceof ApiFailure)) throw error;
        emit('ERROR', error.toStatus());
        end();
      }
      return;
    }
    for (const object of store.list(options.resource, options.namespace).filter(options.selects)) {
      emit('ADDED', options.present(object));
    }
    if (!options.marksInitial) return;
    emit('BOOKMARK', {
      kind: 'Bookmark',
      metadata: {
        resourceVersion: String(store.version),
        annotations: { 'k8s.io/initial-events-end': 'true' },
      },
    });
  }

  function onChange({ type, resource, object, previous }: Change): void {
    if (resource !== options.resource || !isIn(options.namespace, object)) return;
    const before = type !== 'ADDED' && previous !== undefined && options.selects(previous);
    const now = type !== 'DELETED' && options.selects(object);
    if (now) emit(before ? 'MODIFIED' : 'ADDED', options.present(object));
    else if (before) emit('DELETED', options.present(object));
  }

  function emit(type: string, object: JsonObject): void {
    pending.push(`${JSON.stringify({ type, object })}\n`);
    if (pending.length > MAX_PENDING) end();
    else flush();
  }

  function flush(): void {
    while (pending.length > 0 && !response.writableNeedDrain) response.write(pending.shift() ?? '');
  }

  function end(): void {
    clearTimeout(timer);
    stopListening();
    response.removeListener('drain', flush);
    response.end();
  }
}

function isIn(namespace: string | undefined, object: JsonObject): boolean {
  return namespace === undefined || textAt(object, 'metadata', 'namespace') === namespace;
}

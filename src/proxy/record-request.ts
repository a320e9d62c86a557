import type { IncomingMessage } from 'node:http';
import type { Clock } from '../clock.ts';
import { WitnessError } from '../errors.ts';
import type { Place } from '../kube/place.ts';
import type { KubeTarget } from '../kube/target.ts';
import type { Logger } from '../log.ts';
import type { Caller } from '../policy/caller.ts';
import { mergeRules } from '../policy/rules.ts';
import { rulesAt } from '../policy/scope.ts';
import type { EventSource } from '../recording/api-event.ts';
import { eventDocument } from '../recording/api-event.ts';
import type { deliverEvent } from '../recording/deliver-event.ts';
import type { RecorderHealth } from '../recording/recorder-health.ts';
import { captureBody } from './capture-body.ts';

/** Of a body, in an event; the API server itself takes 3 MiB. A longer one is forwarded whole and told cut. */
const MAX_EVENT_BODY_BYTES = 1024 * 1024;

export interface EventDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  readonly health: RecorderHealth;
  readonly deliverEvent: typeof deliverEvent;
}

/**
 * Tells a recorder of a request before it is forwarded, where the caller's rules ask for it. Returns the body when it
 * was read whole, so that it can be sent on. Throws KW_RECORDER_UNAVAILABLE when no recorder took the event and the
 * rules enforce one; otherwise the request goes on, and the log says so.
 */
export async function recordRequest(
  request: IncomingMessage,
  admitted: {
    readonly target: KubeTarget;
    readonly place: Place;
    readonly caller: Caller;
    readonly address: string | undefined;
  },
  auditId: string,
  hasBody: boolean,
  deps: EventDependencies,
): Promise<Buffer | undefined> {
  const { target, caller } = admitted;
  const rules = mergeRules(rulesAt(caller.rules, admitted.place));
  if (!rules.enableEvents) return undefined;
  const body = hasBody
    ? await captureBody(request, MAX_EVENT_BODY_BYTES)
    : { bytes: Buffer.alloc(0), whole: true };
  const document = eventDocument({
    timestampSeconds: deps.clock.now() / 1000,
    userAgent: request.headers['user-agent'] ?? '',
    method: request.method ?? '',
    path: target.path,
    query: target.query,
    info: target.info,
    source: sourceOf(caller, admitted.address),
    auditId,
    body,
  });
  const delivery = await deps.deliverEvent(deps.health.order(rules.recorderAddrs), document);
  if (delivery.kind !== 'stored') {
    const why = delivery.kind === 'failed' ? delivery.errors.map(({ message }) => message) : [delivery.kind];
    deps.log.warn({ auditId, why, enforced: rules.enforceRecorder }, 'request event not recorded');
    if (rules.enforceRecorder) {
      throw new WitnessError(
        'KW_RECORDER_UNAVAILABLE',
        'no recorder took the event of this request, and your rules do not allow a request without one',
      );
    }
  }
  return hasBody && body.whole ? body.bytes : undefined;
}

function sourceOf({ user, device }: Caller, address: string | undefined): EventSource {
  if (device === undefined) return { node: address ?? '', nodeID: '', nodeUser: user };
  const { node, nodeId, tags, userId } = device;
  if (tags.length > 0) return { node, nodeID: nodeId, nodeTags: tags };
  return { node, nodeID: nodeId, ...(userId === undefined ? {} : { nodeUserID: userId }), nodeUser: user };
}

import type { InspectionEvent } from 'xstate';
import { stateName } from './view.ts';

/** One change of a session's state. */
export interface Step {
  /** Dotted to the innermost state: `joined.streaming.handingOver`. */
  readonly from: string;
  readonly to: string;
  /** The event behind it: one of ours, or `decide.done`, `relay.failed`, `recorderLimit.passed`. */
  readonly event: string;
}

/**
 * An inspector for one session's actor that tells each change of state once. Of the snapshot it reads the value only,
 * so nothing secret can come out here.
 */
export function onEachStep(told: (step: Step) => void): (event: InspectionEvent) => void {
  let from = '';
  return inspected => {
    if (inspected.type !== '@xstate.snapshot' || inspected.actorRef.sessionId !== inspected.rootId) return;
    const to = 'value' in inspected.snapshot ? stateName(inspected.snapshot.value) : '';
    if (to === '' || to === from) return;
    const step = { from, to, event: eventName(inspected.event.type) };
    from = to;
    told(step);
  };
}

/** XState's own events in words a watcher understands. */
export function eventName(type: string): string {
  if (type === 'xstate.init') return 'session.requested';
  const actor = /^xstate\.(done|error)\.actor\.(.+)$/.exec(type);
  if (actor !== null) return `${actor[2]}.${actor[1] === 'done' ? 'done' : 'failed'}`;
  const delay = /^xstate\.after\.([^.]+)\./.exec(type);
  return delay === null ? type : `${delay[1]}.passed`;
}

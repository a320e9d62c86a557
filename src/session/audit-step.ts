import type { Step } from './observe.ts';
import type { Session } from './session.ts';

/** Tells the audit of a step: first what came of a failed recording, then the state that was entered. */
export function auditStep(session: Session, step: Step): void {
  auditFailure(session, step);
  session.audit.entered(step.to, step.event, session.recorder);
}

/** The step that follows a failure is what was done about it. */
function auditFailure(session: Session, { from, to, event }: Step): void {
  const byPerson = event === 'client.left' || event === 'session.stopped';
  if (from === 'connectingRecorders') {
    if (byPerson) return;
    if (to === 'joined.failingOpen') session.auditRecorders('continuedUnrecorded');
    if (to === 'failingClosed') session.auditRecorders('denied');
  } else if (from === 'joined.streaming.handingOver') {
    if (to === 'joined.streaming.recording') session.auditRecorders('handedOver');
    else if (to === 'joined.failingOpen') session.auditRecorders('continuedUnrecorded');
    else if (to === 'failingClosed' && !byPerson)
      session.auditRecorders(session.joined ? 'terminated' : 'denied');
    else session.auditRecorders('none');
  } else if (from === 'joined.streaming.recording' && event === 'recorder.failed') {
    if (to === 'joined.failingOpen') session.auditRecorders('continuedUnrecorded');
    else session.auditRecorders(session.joined ? 'terminated' : 'denied');
  }
}

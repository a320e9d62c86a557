import type { ComponentChildren } from 'preact';
import type { SessionView } from '../../session/view.ts';
import { Copy } from './copy.tsx';
import { clockTime } from './format.ts';
import { visibleText } from './visible-text.ts';

const FAIL_MODES = { open: 'open: goes on without a recorder', closed: 'closed: never without a recorder' };

/** Everything known of a session that is not its course. */
export function SessionFacts({ session, nowMs }: { session: SessionView; nowMs: number }) {
  const { id, type, caller, namespace, pod, container, tty, protocol, failMode, recorder, exitCode } =
    session;
  return (
    <dl class="facts">
      <Fact name="User">
        <bdi>{visibleText(caller.user)}</bdi> <span class="dim">by {caller.source}</span>
      </Fact>
      <Fact name="Groups">{caller.groups.map(visibleText).join(', ') || 'none'}</Fact>
      <Fact name="Pod">
        <bdi>{visibleText(`${namespace}/${pod}`)}</bdi>
      </Fact>
      <Fact name="Container">
        {container === undefined ? (
          <span class="dim">the default one</span>
        ) : (
          <bdi>{visibleText(container)}</bdi>
        )}
      </Fact>
      <Fact name="Kind">
        {type}, {tty ? 'in a terminal' : 'without a terminal'}
      </Fact>
      <Fact name="Protocol">
        {protocol.transport}
        {protocol.subprotocol === undefined ? '' : `, ${visibleText(protocol.subprotocol)}`}
      </Fact>
      <Fact name="Fail mode">
        {failMode === undefined ? 'no rule asks for a recording' : FAIL_MODES[failMode]}
      </Fact>
      <Fact name="Recorder">
        {recorder === undefined ? <span class="dim">none</span> : <Copy value={recorder} label="recorder" />}
      </Fact>
      <Fact name="Exit code">
        {exitCode === undefined ? <span class="dim">none</span> : String(exitCode)}
      </Fact>
      <Fact name="Started">
        <time dateTime={session.startedAt}>{clockTime(session.startedAt, nowMs)}</time>
      </Fact>
      <Fact name="Ended">
        {session.endedAt === undefined ? (
          <span class="dim">not yet</span>
        ) : (
          <time dateTime={session.endedAt}>{clockTime(session.endedAt, nowMs)}</time>
        )}
      </Fact>
      {session.replica !== undefined && (
        <Fact name="Replica" wide>
          <bdi>{visibleText(session.replica)}</bdi>
        </Fact>
      )}
      <Fact name="Session, Audit-ID" wide>
        <Copy value={id} label="session id" />
      </Fact>
    </dl>
  );
}

function Fact({ name, wide, children }: { name: string; wide?: boolean; children: ComponentChildren }) {
  return (
    <div class={wide === true ? 'wide' : undefined}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

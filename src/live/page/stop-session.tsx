import { useRef, useState } from 'preact/hooks';
import type { SessionView } from '../../session/view.ts';
import { stopSession } from './admin-api.ts';
import { commandLine, visibleText } from './visible-text.ts';
import { useRole } from './who-context.ts';

/** As the server takes it. Characters. */
const MAX_REASON = 200;
const STOPPABLE = /^(deciding|connectingRecorders|joined\..+)$/;

/** For operators: ends a live session, after asking once more. */
export function StopSession({ session }: { session: SessionView }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [trouble, setTrouble] = useState<string>();
  const [busy, setBusy] = useState(false);
  const mayStop = useRole('operator');
  if (!mayStop || !STOPPABLE.test(session.state)) return null;
  const stop = async (form: HTMLFormElement): Promise<void> => {
    setBusy(true);
    setTrouble(undefined);
    try {
      await stopSession(session.id, String(new FormData(form).get('reason') ?? '').trim());
      dialog.current?.close();
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <button type="button" class="danger" onClick={() => dialog.current?.showModal()}>
        Stop the session
      </button>
      <dialog class="asking" ref={dialog} aria-labelledby="stop-title">
        <form
          onSubmit={event => {
            event.preventDefault();
            void stop(event.currentTarget);
          }}
        >
          <h2 id="stop-title">Stop this session?</h2>
          <p>
            <code>{commandLine(session.command) || session.type}</code> of{' '}
            <bdi>{visibleText(session.caller.user)}</bdi> in{' '}
            <bdi>{visibleText(`${session.namespace}/${session.pod}`)}</bdi> ends at once. They are told that
            it was you, and why; the audit is, too.
          </p>
          <label>
            <span>Reason, if you like</span>
            <input name="reason" maxLength={MAX_REASON} autocomplete="off" />
          </label>
          {trouble !== undefined && (
            <p class="cause tone-bad" role="alert">
              {visibleText(trouble)}
            </p>
          )}
          <p class="choices">
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" class="danger" disabled={busy}>
              Stop it
            </button>
          </p>
        </form>
      </dialog>
    </>
  );
}

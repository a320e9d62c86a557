import { useEffect, useState } from 'preact/hooks';
import { WRITE_HEADER } from '../role.ts';
import type { SandboxAction, SandboxRecorderState } from '../sandbox-recorder.ts';
import { SANDBOX_PATH } from '../sandbox-recorder.ts';
import { Badge } from './icon.tsx';
import type { Look } from './look.ts';

const LOOKS: Readonly<Record<SandboxRecorderState, Look>> = {
  running: { tone: 'good', icon: 'check', says: 'recorder running' },
  slow: { tone: 'warn', icon: 'triangle', says: 'recorder slow' },
  stopped: { tone: 'bad', icon: 'octagon', says: 'recorder stopped' },
};
/** What somebody sees who does it now. */
const SAYS: Readonly<Record<SandboxRecorderState, string>> = {
  running: 'Start a session under each context, then stop the recorder.',
  slow: 'It works a twentieth of the time: a session that writes much waits under closed, and goes on with a gap under open.',
  stopped: 'Sessions under open go on unrecorded; those under closed have ended, and new ones are refused.',
};
const BUTTONS: readonly (readonly [SandboxAction, string])[] = [
  ['stop', 'Stop it'],
  ['slow', 'Slow it down'],
  ['restart', 'Restart it'],
];
/** It can be killed from a shell too. */
const LOOK_MS = 2_000;

/** Of `kubewitness try`: its recorder, and the ways to break it. */
export function SandboxStrip() {
  const [state, setState] = useState<SandboxRecorderState>();
  const [trouble, setTrouble] = useState<string>();
  const [busy, setBusy] = useState(false);
  const ask = async (action?: SandboxAction): Promise<void> => {
    try {
      setState(await asked(action));
      setTrouble(undefined);
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : String(error));
    }
  };
  useEffect(() => {
    void ask();
    const timer = setInterval(() => void ask(), LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  const press = async (action: SandboxAction): Promise<void> => {
    setBusy(true);
    await ask(action);
    setBusy(false);
  };
  if (state === undefined) return null;
  return (
    <section class="panel sandbox" aria-label="Sandbox">
      <Badge look={LOOKS[state]} strong />
      <p>{trouble ?? SAYS[state]}</p>
      <span>
        {BUTTONS.map(([action, says]) => (
          <button
            key={action}
            type="button"
            disabled={busy || !ENABLED[action].includes(state)}
            onClick={() => void press(action)}
          >
            {says}
          </button>
        ))}
      </span>
    </section>
  );
}

/** A running one may be restarted too: its sessions are handed over. */
const ENABLED: Readonly<Record<SandboxAction, readonly SandboxRecorderState[]>> = {
  stop: ['running', 'slow'],
  slow: ['running'],
  restart: ['running', 'slow', 'stopped'],
};

async function asked(action: SandboxAction | undefined): Promise<SandboxRecorderState> {
  const response = await (action === undefined
    ? fetch(SANDBOX_PATH)
    : fetch(`${SANDBOX_PATH}/${action}`, {
        method: 'POST',
        headers: { [WRITE_HEADER.name]: WRITE_HEADER.value },
      }));
  if (!response.ok) throw new Error(`It was refused: the server answered ${response.status}.`);
  // Same origin, same build: the shape is that of sandbox-routes.ts.
  return ((await response.json()) as { state: SandboxRecorderState }).state;
}

import { useEffect, useState } from 'preact/hooks';
import { WRITE_HEADER } from '../role.ts';
import type { SandboxAction, SandboxRecorderState, SandboxView } from '../sandbox-recorder.ts';
import { SANDBOX_PATH } from '../sandbox-recorder.ts';
import { Copy } from './copy.tsx';
import { Badge } from './icon.tsx';
import type { Look } from './look.ts';

const LOOKS: Readonly<Record<SandboxRecorderState, Look>> = {
  running: { tone: 'good', icon: 'check', says: 'recorder running' },
  slow: { tone: 'warn', icon: 'triangle', says: 'recorder slow' },
  stopped: { tone: 'bad', icon: 'octagon', says: 'recorder stopped' },
};
/** What somebody sees who does it now. */
const SAYS: Readonly<Record<SandboxRecorderState, string>> = {
  running: 'What runs under either context is recorded.',
  slow: 'It works for 50 ms of each second. A session that writes much waits for it under closed; under open it goes on, with a gap.',
  stopped:
    'Sessions under open go on unrecorded. Those under closed have ended with a message that says why, and new ones are refused.',
};
const BUTTONS: readonly (readonly [SandboxAction, string])[] = [
  ['stop', 'Stop it'],
  ['slow', 'Slow it down'],
  ['restart', 'Restart it'],
];
/** It can be killed from a shell too. */
const LOOK_MS = 2_000;

/** Of `kubewitness try`: its recorder, and the ways to break it. */
export function SandboxStrip({ newcomer }: { newcomer: boolean }) {
  const [view, setView] = useState<SandboxView>();
  const [guided] = useState(newcomer);
  const [trouble, setTrouble] = useState<string>();
  const [busy, setBusy] = useState(false);
  const ask = async (action?: SandboxAction): Promise<void> => {
    try {
      setView(await asked(action));
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
  if (view === undefined) return null;
  const { state, kubectl } = view;
  return (
    <section class="panel sandbox" aria-label="Sandbox">
      <Badge look={LOOKS[state]} strong />
      <p>{trouble ?? SAYS[state]}</p>
      <span class="buttons">
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
      <Guide kubectl={kubectl} open={guided} />
    </section>
  );
}

/** Open for whoever has not run anything yet. */
function Guide({ kubectl, open }: { kubectl: string; open: boolean }) {
  return (
    <details open={open}>
      <summary>See it fail open and fail closed, in a minute</summary>
      <ol>
        <li>
          In two terminals, a session of each kind. Both are recorded, and stand below under <b>streaming</b>.
          <Copy value={`${kubectl} --context open exec -it shell -- sh`} label="command that fails open" />
          <Copy
            value={`${kubectl} --context closed exec -it shell -- sh`}
            label="command that fails closed"
          />
        </li>
        <li>
          Press <b>Stop it</b>. The first goes on and is now <b>UNRECORDED</b>; the second ends, and its
          terminal says why. Run it again: it is refused before anything runs in the pod.
        </li>
        <li>
          Type into the first, press <b>Restart it</b>, type again, and leave it with <code>exit</code>. Its
          page shows the way it took, and its recording has a gap where nobody listened.
        </li>
      </ol>
    </details>
  );
}

/** A running one may be restarted too: its sessions are handed over. */
const ENABLED: Readonly<Record<SandboxAction, readonly SandboxRecorderState[]>> = {
  stop: ['running', 'slow'],
  slow: ['running'],
  restart: ['running', 'slow', 'stopped'],
};

async function asked(action: SandboxAction | undefined): Promise<SandboxView> {
  const response = await (action === undefined
    ? fetch(SANDBOX_PATH)
    : fetch(`${SANDBOX_PATH}/${action}`, {
        method: 'POST',
        headers: { [WRITE_HEADER.name]: WRITE_HEADER.value },
      }));
  if (!response.ok) throw new Error(`It was refused: the server answered ${response.status}.`);
  // Same origin, same build: the shape is that of sandbox-routes.ts.
  return (await response.json()) as SandboxView;
}

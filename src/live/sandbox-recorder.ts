/** What the recorder of `kubewitness try` does now. `slow`: it works a twentieth of the time. */
export type SandboxRecorderState = 'running' | 'slow' | 'stopped';

export const SANDBOX_ACTIONS = ['stop', 'slow', 'restart'] as const;
export type SandboxAction = (typeof SANDBOX_ACTIONS)[number];

/** What the page is told of it. */
export interface SandboxView {
  readonly state: SandboxRecorderState;
  /** The beginning of a command that reaches the sandbox by the proxy, for a shell: `kubectl --kubeconfig FILE`. */
  readonly kubectl: string;
}

/** The recorder of `try`, for whoever wants to see what happens when one fails. */
export interface SandboxRecorder extends SandboxView {
  /** Resolves once it is so. */
  act(action: SandboxAction): Promise<void>;
}

export const SANDBOX_PATH = '/api/v1/sandbox/recorder';

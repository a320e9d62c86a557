/** What the recorder of `kubewitness try` does now. `slow`: it works a twentieth of the time. */
export type SandboxRecorderState = 'running' | 'slow' | 'stopped';

export const SANDBOX_ACTIONS = ['stop', 'slow', 'restart'] as const;
export type SandboxAction = (typeof SANDBOX_ACTIONS)[number];

/** The recorder of `try`, for whoever wants to see what happens when one fails. */
export interface SandboxRecorder {
  readonly state: SandboxRecorderState;
  /** Resolves once it is so. */
  act(action: SandboxAction): Promise<void>;
}

export const SANDBOX_PATH = '/api/v1/sandbox/recorder';

import {
  SANDBOX_ACTIONS,
  SANDBOX_PATH,
  type SandboxRecorder,
  type SandboxView,
} from '../live/sandbox-recorder.ts';
import { answerJson } from './answer.ts';
import type { Route } from './route.ts';

/** Of `kubewitness try` alone: what its recorder does, and the buttons that change it. */
export function sandboxRoutes(recorder: SandboxRecorder): Route[] {
  return [
    {
      path: new RegExp(`^${SANDBOX_PATH}$`),
      method: 'GET',
      needs: 'viewer',
      run: ({ response }) => answerJson(response, 200, viewOf(recorder)),
    },
    ...SANDBOX_ACTIONS.map(
      (action): Route => ({
        path: new RegExp(`^${SANDBOX_PATH}/${action}$`),
        method: 'POST',
        needs: 'operator',
        run: async ({ response }) => {
          await recorder.act(action);
          answerJson(response, 200, viewOf(recorder));
        },
      }),
    ),
  ];
}

function viewOf({ state, kubectl }: SandboxRecorder): SandboxView {
  return { state, kubectl };
}

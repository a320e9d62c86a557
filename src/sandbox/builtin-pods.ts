import type { JsonObject } from './json.ts';
import { RESTARTS_ANNOTATION } from './kubelet.ts';

export const NAMESPACES = ['default', 'demo'] as const;

const IDLE = ['tail', '-f', '/dev/null'];
const TICK = 'n=0; while :; do n=$((n+1)); echo "tick $n"; sleep 0.5; done';

/** Pods that are there from the start, all in the namespace `default`. */
export const BUILTIN_PODS: readonly JsonObject[] = [
  pod('shell', [{ name: 'main', command: ['sh'], stdin: true, tty: true }]),
  pod('ticker', [{ name: 'main', command: ['sh', '-c', TICK] }]),
  pod('two', [
    { name: 'app', command: IDLE },
    { name: 'side', command: IDLE },
  ]),
];

function pod(name: string, containers: readonly JsonObject[]): JsonObject {
  return {
    metadata: { name, labels: { app: name }, annotations: { [RESTARTS_ANNOTATION]: 'true' } },
    spec: { containers: containers.map(container => ({ image: 'sandbox/local:latest', ...container })) },
  };
}

import { type Json, type JsonObject, listAt, objectAt, textAt } from './json.ts';

export const NODE_NAME = 'sandbox-node';
const NODE_IP = '127.0.0.1';

/** What the pod's status says about one container. */
export interface ContainerReport {
  readonly name: string;
  readonly image: string;
  readonly restarts: number;
  readonly state:
    | { readonly phase: 'waiting' }
    | { readonly phase: 'running'; readonly startedAt: number }
    | {
        readonly phase: 'terminated';
        readonly startedAt: number;
        readonly endedAt: number;
        readonly code: number;
      };
}

/** RFC 3339 with whole seconds, as `metav1.Time` is written. */
export function timestamp(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`;
}

/** A pod with what the API server, the scheduler and the service account admission would have filled in. */
export function admittedPod(pod: JsonObject): JsonObject {
  const spec = objectAt(pod, 'spec');
  const containers = listAt(spec, 'containers').map(container => ({
    imagePullPolicy: 'IfNotPresent',
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    ...objectAt(container),
  }));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    ...pod,
    spec: {
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      enableServiceLinks: true,
      schedulerName: 'default-scheduler',
      securityContext: {},
      serviceAccount: 'default',
      serviceAccountName: 'default',
      terminationGracePeriodSeconds: 30,
      ...spec,
      containers,
      nodeName: NODE_NAME,
    },
    status: { phase: 'Pending', qosClass: 'BestEffort' },
  };
}

/** The pod with the status that follows from its containers; those of `kubectl debug` have no part in its phase. */
export function reportedPod(pod: JsonObject, all: readonly ContainerReport[]): JsonObject {
  const debuggers = new Set(listAt(pod, 'spec', 'ephemeralContainers').map(one => textAt(one, 'name')));
  const reports = all.filter(report => !debuggers.has(report.name));
  const debugReports = all.filter(report => debuggers.has(report.name));
  const created = textAt(pod, 'metadata', 'creationTimestamp') ?? '';
  const phase = phaseOf(reports);
  const ready = phase === 'Running' && reports.every(report => report.state.phase === 'running');
  const condition = (type: string, holds: boolean): JsonObject => ({
    type,
    status: holds ? 'True' : 'False',
    lastProbeTime: null,
    lastTransitionTime: created,
    ...(holds ? {} : { reason: phase === 'Succeeded' ? 'PodCompleted' : 'ContainersNotReady' }),
  });
  return {
    ...pod,
    status: {
      phase,
      conditions: [
        condition('Initialized', true),
        condition('Ready', ready),
        condition('ContainersReady', ready),
        condition('PodScheduled', true),
      ],
      hostIP: NODE_IP,
      hostIPs: [{ ip: NODE_IP }],
      podIP: NODE_IP,
      podIPs: [{ ip: NODE_IP }],
      startTime: created,
      containerStatuses: reports.map(report => containerStatus(pod, report)),
      ...(debugReports.length === 0
        ? {}
        : { ephemeralContainerStatuses: debugReports.map(report => containerStatus(pod, report)) }),
      qosClass: 'BestEffort',
    },
  };
}

/** core/v1 PodPhase. */
function phaseOf(reports: readonly ContainerReport[]): string {
  if (reports.some(report => report.state.phase === 'waiting')) return 'Pending';
  if (reports.some(report => report.state.phase === 'running')) return 'Running';
  return reports.every(report => report.state.phase === 'terminated' && report.state.code === 0)
    ? 'Succeeded'
    : 'Failed';
}

function containerStatus(pod: JsonObject, report: ContainerReport): JsonObject {
  const running = report.state.phase === 'running';
  return {
    name: report.name,
    image: report.image,
    imageID: `sandbox://${report.image}`,
    containerID: containerId(pod, report),
    ready: running,
    started: running,
    restartCount: report.restarts,
    state: stateOf(pod, report),
    lastState: {},
  };
}

function stateOf(pod: JsonObject, report: ContainerReport): Json {
  const { state } = report;
  switch (state.phase) {
    case 'waiting':
      return { waiting: { reason: 'ContainerCreating' } };
    case 'running':
      return { running: { startedAt: timestamp(state.startedAt) } };
    case 'terminated':
      return {
        terminated: {
          exitCode: state.code,
          reason: state.code === 0 ? 'Completed' : 'Error',
          startedAt: timestamp(state.startedAt),
          finishedAt: timestamp(state.endedAt),
          containerID: containerId(pod, report),
        },
      };
  }
}

function containerId(pod: JsonObject, report: ContainerReport): string {
  return `sandbox://${textAt(pod, 'metadata', 'uid') ?? ''}/${report.name}`;
}

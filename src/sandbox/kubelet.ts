import type { AskedStreams } from '../kube/remotecommand.ts';
import { Container, type ContainerDependencies, type ContainerSpec } from './container.ts';
import { firstSize, runExec } from './exec-session.ts';
import { badRequest, notFound } from './failure.ts';
import { isObject, type JsonObject, listAt, objectAt, textAt, valueAt } from './json.ts';
import { type ContainerReport, reportedPod } from './pod-object.ts';
import { endMarked } from './process-end.ts';
import type { RemoteStreams } from './remote-streams.ts';
import type { Store } from './store.ts';

/** Annotation of pods whose main processes are started anew when they end. */
export const RESTARTS_ANNOTATION = 'kubewitness.io/sandbox-restarts';

/** From SIGTERM to SIGKILL for whatever a pod has left behind. */
const STOP_GRACE_MS = 1_000;

interface RunningPod {
  readonly uid: string;
  readonly containers: Map<string, Container>;
}

/** Runs the pods of the store as local processes and keeps their status true. */
export class Kubelet {
  readonly #store: Store;
  readonly #deps: ContainerDependencies;
  readonly #pods = new Map<string, RunningPod>();
  readonly #work = new Set<Promise<void>>();

  readonly #onFault: (fault: unknown) => void;

  /** `onFault` hears of what went wrong in the background, where no request waits for it. */
  constructor(store: Store, deps: ContainerDependencies, onFault: (fault: unknown) => void) {
    this.#store = store;
    this.#deps = deps;
    this.#onFault = onFault;
  }

  run(pod: JsonObject): void {
    const namespace = textAt(pod, 'metadata', 'namespace') ?? '';
    const name = textAt(pod, 'metadata', 'name') ?? '';
    const report = (): void => this.#report(namespace, name);
    const containers = new Map(
      specsOf(pod, 'containers').map(spec => [spec.name, new Container(spec, this.#deps, report)] as const),
    );
    this.#pods.set(`${namespace}/${name}`, { uid: textAt(pod, 'metadata', 'uid') ?? '', containers });
    for (const container of containers.values()) this.#track(container.run()).catch(this.#onFault);
  }

  /** Starts the ephemeral containers that a running pod's object has got since. */
  debug(pod: JsonObject): void {
    const namespace = textAt(pod, 'metadata', 'namespace') ?? '';
    const name = textAt(pod, 'metadata', 'name') ?? '';
    const running = this.#pods.get(`${namespace}/${name}`);
    if (running === undefined) return;
    for (const spec of specsOf(pod, 'ephemeralContainers')) {
      if (running.containers.has(spec.name)) continue;
      const container = new Container(spec, this.#deps, () => this.#report(namespace, name));
      running.containers.set(spec.name, container);
      this.#track(container.run()).catch(this.#onFault);
    }
  }

  /** Begins to end a pod's processes; it leaves the store when they have gone. */
  remove(namespace: string, name: string): void {
    this.#track(this.#end(namespace, name)).catch(this.#onFault);
  }

  /**
   * The container that a request means.
   *
   * @throws ApiFailure 404 without the pod; 400 for a container that is unknown, or not named where there are several
   */
  container(namespace: string, podName: string, containerName: string | undefined): Container {
    const pod = this.#pods.get(`${namespace}/${podName}`);
    if (pod === undefined) throw notFound('pods', podName);
    // An ephemeral container is only ever meant by its name.
    const names = [...pod.containers.values()].filter(one => !one.spec.ephemeral).map(one => one.spec.name);
    const [only = '', ...others] = names;
    if ((containerName ?? '') === '' && others.length > 0) {
      throw badRequest(
        `a container name must be specified for pod ${podName}, choose one of: [${names.join(' ')}]`,
      );
    }
    const container = pod.containers.get(
      containerName === undefined || containerName === '' ? only : containerName,
    );
    if (container === undefined) {
      throw badRequest(`container ${containerName ?? ''} is not valid for pod ${podName}`);
    }
    return container;
  }

  async exec(container: Container, command: readonly string[], asked: AskedStreams, remote: RemoteStreams) {
    const terminal = asked.tty ? await firstSize(remote) : undefined;
    const { stdin, stdout, stderr } = asked;
    const plan = container.plan(command, { stdin, stdout, stderr, terminal });
    await this.#track(runExec(remote, plan, this.#deps.pty));
  }

  async attach(container: Container, remote: RemoteStreams): Promise<void> {
    await this.#track(container.attach(remote));
  }

  /** Ends everything that was started. The clients' connections have been closed before. */
  async close(): Promise<void> {
    await stop([...this.#pods.values()]);
    await Promise.allSettled(this.#work);
  }

  async #end(namespace: string, name: string): Promise<void> {
    const key = `${namespace}/${name}`;
    const pod = this.#pods.get(key);
    if (pod !== undefined) await stop([pod]);
    this.#pods.delete(key);
    this.#store.remove('pods', namespace, name);
  }

  async #track(work: Promise<void>): Promise<void> {
    this.#work.add(work);
    try {
      await work;
    } finally {
      this.#work.delete(work);
    }
  }

  #report(namespace: string, name: string): void {
    const pod = this.#store.get('pods', namespace, name);
    const running = this.#pods.get(`${namespace}/${name}`);
    if (pod === undefined || running === undefined) return;
    const reports = [...running.containers.values()].map(
      (container): ContainerReport => ({
        name: container.spec.name,
        image: imageOf(pod, container.spec.name),
        restarts: container.restarts,
        state: container.state,
      }),
    );
    this.#store.put('pods', reportedPod(pod, reports));
  }
}

async function stop(pods: readonly RunningPod[]): Promise<void> {
  const containers = pods.flatMap(pod => [...pod.containers.values()]);
  await Promise.all([
    ...containers.map(container => container.stop()),
    endMarked(new Set(pods.map(pod => pod.uid)), STOP_GRACE_MS),
  ]);
  // What was being started while the first look was taken.
  await endMarked(new Set(pods.map(pod => pod.uid)), STOP_GRACE_MS);
}

function specsOf(pod: JsonObject, list: 'containers' | 'ephemeralContainers'): ContainerSpec[] {
  return listAt(pod, 'spec', list).map(container => {
    const words = [...listAt(container, 'command'), ...listAt(container, 'args')].map(String);
    return {
      namespace: textAt(pod, 'metadata', 'namespace') ?? '',
      pod: textAt(pod, 'metadata', 'name') ?? '',
      podUid: textAt(pod, 'metadata', 'uid') ?? '',
      name: textAt(container, 'name') ?? '',
      // Images are not looked at: what they would start by themselves is a shell.
      command: words.length === 0 ? ['sh'] : words,
      env: Object.fromEntries(
        listAt(container, 'env')
          .filter(isObject)
          .map(entry => [textAt(entry, 'name') ?? '', textAt(entry, 'value') ?? '']),
      ),
      stdin: valueAt(container, 'stdin') === true,
      stdinOnce: valueAt(container, 'stdinOnce') === true,
      tty: valueAt(container, 'tty') === true,
      ephemeral: list === 'ephemeralContainers',
      restarts: list === 'containers' && RESTARTS_ANNOTATION in objectAt(pod, 'metadata', 'annotations'),
    };
  });
}

function imageOf(pod: JsonObject, container: string): string {
  const spec = [...listAt(pod, 'spec', 'containers'), ...listAt(pod, 'spec', 'ephemeralContainers')].find(
    candidate => textAt(candidate, 'name') === container,
  );
  return textAt(spec, 'image') ?? '';
}

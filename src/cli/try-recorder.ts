import type { SandboxAction, SandboxRecorder, SandboxRecorderState } from '../live/sandbox-recorder.ts';
import type { ChildRecorder } from './child-recorder.ts';
import { startChildRecorder } from './child-recorder.ts';

/** A slow recorder sleeps for most of each second. */
const SLEEP_MS = 950;
const AWAKE_MS = 50;

/** The recorder of `try`: it can be killed, slowed down and started again at the same address. */
export class TryRecorder implements Omit<SandboxRecorder, 'kubectl'> {
  readonly #start: (port: number) => Promise<ChildRecorder>;
  #child: ChildRecorder;
  #state: SandboxRecorderState = 'running';
  #timer: NodeJS.Timeout | undefined;
  /** One action at a time. */
  #acting: Promise<void> = Promise.resolve();

  private constructor(start: (port: number) => Promise<ChildRecorder>, child: ChildRecorder) {
    this.#start = start;
    this.#child = child;
    void child.gone.then(() => this.#onGone(child));
  }

  /** `exited` is told each time that it has ended, by whomever. */
  static async start(dir: string, scratch: string, exited: (how: string) => void): Promise<TryRecorder> {
    const start = (port: number): Promise<ChildRecorder> =>
      startChildRecorder({ dir, scratch, port }, exited);
    return new TryRecorder(start, await start(0));
  }

  get state(): SandboxRecorderState {
    return this.#state;
  }

  get address(): string {
    return this.#child.address;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The command that starts it again at the same place. */
  get command(): string {
    return this.#child.command;
  }

  act(action: SandboxAction): Promise<void> {
    const done = this.#acting.then(() => this.#act(action));
    this.#acting = done.catch(() => undefined);
    return done;
  }

  /** In order, as at the end of a day. */
  async close(): Promise<void> {
    await this.#acting;
    this.#wake();
    await this.#child.stop();
  }

  async #act(action: SandboxAction): Promise<void> {
    if (action === 'slow') {
      if (this.#state === 'running') this.#sleep();
      return;
    }
    this.#wake();
    await this.#child.kill();
    if (action === 'stop') return;
    const port = Number(this.address.slice(this.address.lastIndexOf(':') + 1));
    const child = await this.#start(port);
    this.#child = child;
    this.#state = 'running';
    void child.gone.then(() => this.#onGone(child));
  }

  #onGone(child: ChildRecorder): void {
    if (child !== this.#child) return;
    clearTimeout(this.#timer);
    this.#state = 'stopped';
  }

  /** Its socket stays open and nothing is answered, as on a machine that is overloaded. */
  #sleep(): void {
    this.#state = 'slow';
    this.#child.signal('SIGSTOP');
    this.#timer = setTimeout(() => {
      this.#child.signal('SIGCONT');
      this.#timer = setTimeout(() => this.#sleep(), AWAKE_MS);
    }, SLEEP_MS);
  }

  #wake(): void {
    clearTimeout(this.#timer);
    this.#child.signal('SIGCONT');
  }
}

import { AckWitness } from './ack-witness.ts';
import type { Breakable } from './chaos.ts';
import type { Disk } from './disk.ts';
import { Probed } from './probed.ts';

/** `kubewitness recorder` in a process of its own, which is killed and comes back at the same port. */
export class SoakRecorder implements Breakable {
  readonly name: string;
  readonly dir: string;
  readonly #disk: Disk | undefined;
  #port = 0;
  #process: Probed | undefined;
  #witness: AckWitness | undefined;

  constructor(name: string, dir: string, disk?: Disk) {
    this.name = `${name} killed`;
    this.dir = dir;
    this.#disk = disk;
  }

  get witness(): AckWitness {
    if (this.#witness === undefined) throw new Error('not started');
    return this.#witness;
  }

  async start(): Promise<void> {
    await this.#start();
    this.#witness = await AckWitness.start(() => this.#port);
  }

  async break(): Promise<void> {
    await this.#process?.end('SIGKILL');
  }

  async mend(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      // On a full disk it says so and ends; somebody has to make room.
      if (this.#disk === undefined) throw error;
      this.#disk.empty();
      await this.#start();
    }
  }

  async stepClock(ms: number): Promise<void> {
    if (this.#process?.running === true) await this.#process.stepClock(ms);
  }

  /** Lets uploads end. Its exit code. */
  async stop(): Promise<number | string | undefined> {
    const code = await this.#process?.end('SIGTERM');
    await this.#witness?.close();
    return code;
  }

  async #start(): Promise<void> {
    const args = ['recorder', '--dir', this.dir, '--port', String(this.#port), '--log-level', 'warn'];
    this.#process = await Probed.start([...args, '--min-free-bytes', '4096'], `${this.dir}.ready.json`);
    this.#port = Number(this.#process.ready['address']?.split(':').at(-1));
  }
}

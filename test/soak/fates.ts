import { exitStatus, SUCCESS } from '../hostile/speech.ts';
import { Random } from './random.ts';

/** How a session goes, whatever else breaks meanwhile. Both ends know it by the name of the pod. */
export const FATES = [
  'plain',
  'plain',
  'fails',
  'chat',
  'chat',
  'flood',
  'slow',
  'vanishes',
  'leaves',
  'upstreamResets',
  'upstreamTears',
  'violates',
  'upstreamViolates',
  'upstreamRefuses',
  'upstreamHangsUp',
  'stranger',
  'oddProtocol',
  'ordinary',
] as const;
export type Fate = (typeof FATES)[number];

export const CALLERS = ['closed', 'open', 'passed'] as const;
export type Caller = (typeof CALLERS)[number];

export interface Plan {
  readonly pod: string;
  readonly fate: Fate;
  readonly caller: Caller;
  readonly transport: 'websocket' | 'spdy';
  /** Messages of the command, in order. */
  readonly output: readonly string[];
  /** Its Status. */
  readonly status: string;
}

/** The same for the same seed and number. */
export function planOf(seed: number, number: number): Plan {
  const random = new Random(seed * 1_000_003 + number);
  const fate = random.pick(FATES);
  const caller = random.pick(['closed', 'closed', 'open', 'open', 'passed'] as const);
  const transport = random.pick(['websocket', 'spdy'] as const);
  const pod = `${fate.toLowerCase()}-${number}`;
  return { pod, fate, caller, transport, output: outputOf(fate, pod, random), status: statusOf(fate) };
}

const BLOCK = 16 * 1024;

function outputOf(fate: Fate, pod: string, random: Random): string[] {
  const [count, size] =
    fate === 'flood' || fate === 'slow' ? [random.int(4, 24), BLOCK] : [random.int(2, 12), 60];
  return Array.from({ length: count }, (_, index) => {
    const line = `${pod} says ${index}: 漢字 🦉 `;
    return `${line}${String(random.int(0, 9)).repeat(random.int(0, size))}\r\n`;
  });
}

function statusOf(fate: Fate): string {
  return fate === 'fails' ? exitStatus(137) : SUCCESS;
}

export function numberOf(pod: string): number {
  return Number(pod.slice(pod.lastIndexOf('-') + 1));
}

import type { ReadResult, WireReader } from './codec.ts';
import type { Fault } from './fault.ts';
import { Window } from './window.ts';

/** `on`: something was accepted, ask again. `short`: more bytes are needed. */
export type Step = 'on' | 'short' | Fault;

/** What a protocol makes of the bytes at its window. Takes from it only what may be forwarded. */
export interface Grammar {
  step(window: Window): Step;
}

const NOTHING: ReadResult = { accepted: [] };

/** Drives a grammar over the chunks of one direction, until its first fault. */
export class FrameReader implements WireReader {
  readonly #window = new Window();
  readonly #grammar: Grammar;
  #broken = false;

  constructor(grammar: Grammar) {
    this.#grammar = grammar;
  }

  push(chunk: Buffer): ReadResult {
    if (this.#broken) return NOTHING;
    const window = this.#window;
    window.open(chunk);
    let step: Step;
    do step = this.#grammar.step(window);
    while (step === 'on');
    if (step === 'short') return { accepted: window.close('hold') };
    this.#broken = true;
    const { offset } = window;
    return { accepted: window.close('drop'), violation: { ...step, offset } };
  }
}

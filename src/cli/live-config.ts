import { createHash } from 'node:crypto';
import { changesBetween } from '../config/changes.ts';
import { ConfigError } from '../config/problems.ts';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import type { Reading, Readings, ReadText } from './live-files.ts';
import { isSame, LiveFiles, lookAt, readingOf } from './live-files.ts';

export type Trigger = 'files' | 'SIGHUP';
/** `unchanged`: somebody asked, and there was nothing new. */
export type ReloadOutcome = 'applied' | 'refused' | 'needsRestart' | 'unchanged';

/** What came of a change. Names of fields and files, never their content. */
export interface ReloadReport {
  readonly trigger: Trigger;
  readonly outcome: ReloadOutcome;
  /** SHA-256 of the configuration that was in force before. */
  readonly sha256Before: string;
  /** Of the file as it is now; undefined: it cannot be read. */
  readonly sha256: string | undefined;
  /** Top-level fields that differ. */
  readonly sections: readonly string[];
  /** Files that the configuration names, and that have changed. */
  readonly files: readonly string[];
  readonly problems: readonly string[];
}

/** Whether what is in force is what the files say. */
export interface LiveConfigState {
  readonly state: 'current' | 'refused' | 'needsRestart';
  /** Of the configuration in force. */
  readonly sha256: string;
  readonly problems: readonly string[];
}

export interface LiveConfigOptions<Made> {
  readonly file: string;
  readonly read: ReadText;
  /** The same at the start and later. Throws a ConfigError. */
  readonly parse: (text: string) => Config;
  /** What follows from a configuration and the files that it names. Throws one line for people. */
  readonly make: (config: Config, read: ReadText) => Made;
  readonly reported: (report: ReloadReport) => void;
}

interface InForce<Made> {
  readonly text: string;
  readonly config: Config;
  readonly files: LiveFiles<Made>;
}

/**
 * The configuration in force. A new one takes its place whole or not at all: half of one, in front of another cluster or
 * behind another relay than it was written for, would be a configuration that nobody wrote.
 */
export class LiveConfig<Made> {
  readonly #options: LiveConfigOptions<Made>;
  #inForce: InForce<Made>;
  /** The configuration file as it was last judged. */
  #judged: Reading;
  #refusal:
    | { readonly outcome: 'refused' | 'needsRestart'; readonly problems: readonly string[] }
    | undefined;
  /** What a configuration that was refused was to be made from. It is judged again when that changes. */
  #tried: Readings = new Map();

  /** `config` is what `text` says. Throws what `make` does. */
  constructor(options: LiveConfigOptions<Made>, text: string, config: Config) {
    const { make, read } = options;
    this.#options = options;
    this.#inForce = { text, config, files: new LiveFiles(from => make(config, from), read) };
    this.#judged = { text };
  }

  get made(): Made {
    return this.#inForce.files.made;
  }

  get config(): Config {
    return this.#inForce.config;
  }

  state(): LiveConfigState {
    const { text, files } = this.#inForce;
    return {
      state: this.#refusal?.outcome ?? (files.problems.length > 0 ? 'refused' : 'current'),
      sha256: sha256Of(text),
      problems: [...(this.#refusal?.problems ?? []), ...files.problems],
    };
  }

  /** Everything that it goes by, as it is now. */
  look(): Readings {
    const { file, read } = this.#options;
    return lookAt([file, ...this.#inForce.files.texts.keys(), ...this.#tried.keys()], read);
  }

  /** Puts in force what can be of what was seen, and reports all that is new. */
  take(seen: Readings, trigger: Trigger): void {
    const asked = trigger === 'SIGHUP';
    if (asked) this.#inForce.files.tellAgain();
    const own = seen.get(this.#options.file) ?? this.#judged;
    const isNew =
      !isSame(own, this.#judged) ||
      [...this.#tried].some(([name, then]) => !isSame(seen.get(name) ?? then, then));
    const told = [
      asked || isNew ? this.#takeConfig(own, seen, trigger) : false,
      this.#takeFiles(seen, trigger),
    ];
    if (asked && !told.includes(true)) this.#report(trigger, 'unchanged', {});
  }

  /** Whether there was something to report. */
  #takeConfig(own: Reading, seen: Readings, trigger: Trigger): boolean {
    const { parse, make, read } = this.#options;
    this.#judged = own;
    const tried = new Map<string, Reading>();
    this.#tried = tried;
    if ('problem' in own) return this.#refuse(trigger, 'refused', [own.problem]);
    const before = this.#inForce;
    if (own.text === before.text) {
      const refused = this.#refusal !== undefined;
      this.#refusal = undefined;
      if (refused) this.#report(trigger, 'applied', {});
      return refused;
    }
    // One look is of one moment: what it saw is not read a second time.
    const first: ReadText = name => {
      const reading = seen.get(name) ?? readingOf(name, read);
      tried.set(name, reading);
      if ('problem' in reading) throw new Error(reading.problem);
      return reading.text;
    };
    let sections: readonly string[] = [];
    try {
      const config = parse(own.text);
      const changes = changesBetween(before.config, config);
      sections = changes.sections;
      if (changes.needRestart.length > 0) {
        const problems = changes.needRestart.map(path => `needs a restart: ${path}`);
        return this.#refuse(trigger, 'needsRestart', problems, sections);
      }
      const files = new LiveFiles(from => make(config, from), read, first);
      this.#inForce = { text: own.text, config, files };
    } catch (error) {
      const problems = error instanceof ConfigError ? error.message.split('\n') : [messageOf(error)];
      return this.#refuse(trigger, 'refused', problems, sections);
    }
    tried.clear();
    this.#refusal = undefined;
    const texts = [...this.#inForce.files.texts];
    const files = texts.filter(([name, text]) => before.files.texts.get(name) !== text).map(([name]) => name);
    this.#report(trigger, 'applied', { sections, files, before: before.text });
    return true;
  }

  #takeFiles(seen: Readings, trigger: Trigger): boolean {
    const { taken, refused } = this.#inForce.files.take(seen);
    if (taken.length > 0) this.#report(trigger, 'applied', { files: taken });
    if (refused.size > 0) {
      this.#report(trigger, 'refused', { files: [...refused.keys()], problems: [...refused.values()] });
    }
    return taken.length + refused.size > 0;
  }

  #refuse(
    trigger: Trigger,
    outcome: 'refused' | 'needsRestart',
    problems: readonly string[],
    sections: readonly string[] = [],
  ): true {
    this.#refusal = { outcome, problems };
    this.#report(trigger, outcome, { sections, problems });
    return true;
  }

  #report(
    trigger: Trigger,
    outcome: ReloadOutcome,
    {
      before = this.#inForce.text,
      ...found
    }: Partial<Pick<ReloadReport, 'sections' | 'files' | 'problems'>> & { before?: string },
  ): void {
    this.#options.reported({
      trigger,
      outcome,
      sha256Before: sha256Of(before),
      sha256: 'text' in this.#judged ? sha256Of(this.#judged.text) : undefined,
      sections: [],
      files: [],
      problems: [],
      ...found,
    });
  }
}

function sha256Of(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

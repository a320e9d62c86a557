import { createHash } from 'node:crypto';
import { changesBetween } from '../config/changes.ts';
import { ConfigError } from '../config/problems.ts';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import type { Texts } from './take-files.ts';
import { takeFiles } from './take-files.ts';

/** What a file held when it was looked at, or why that is not known. */
export type Reading = { readonly text: string } | { readonly problem: string };
export type Readings = ReadonlyMap<string, Reading>;

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
  /** Throws one line for people. */
  readonly read: (file: string) => string;
  /** The same at the start and later. Throws a ConfigError. */
  readonly parse: (text: string) => Config;
  /** What follows from a configuration and the files that it names. Throws one line for people. */
  readonly make: (config: Config, read: (file: string) => string) => Made;
  readonly reported: (report: ReloadReport, made: Made, config: Config) => void;
}

interface InForce<Made> {
  readonly text: string;
  readonly config: Config;
  readonly made: Made;
  /** The files that it was made from. */
  readonly texts: Texts;
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
  /** Files whose new text is not in force, with that text. */
  readonly #broken = new Map<string, { readonly reading: Reading; readonly problem: string }>();

  /** `config` is what `text` says. Throws what `make` does. */
  constructor(options: LiveConfigOptions<Made>, text: string, config: Config) {
    this.#options = options;
    this.#inForce = this.#make(text, config, options.read);
    this.#judged = { text };
  }

  get made(): Made {
    return this.#inForce.made;
  }

  get config(): Config {
    return this.#inForce.config;
  }

  state(): LiveConfigState {
    const broken = [...this.#broken.values()].map(({ problem }) => problem);
    return {
      state: this.#refusal?.outcome ?? (broken.length > 0 ? 'refused' : 'current'),
      sha256: sha256Of(this.#inForce.text),
      problems: [...(this.#refusal?.problems ?? []), ...broken],
    };
  }

  /** Everything that the configuration in force was made from, as it is now. */
  look(): Readings {
    const { file, read } = this.#options;
    const names = [file, ...this.#inForce.texts.keys(), ...this.#tried.keys()];
    return new Map(names.map(name => [name, readingOf(name, read)]));
  }

  /** Puts in force what can be of what was seen, and reports all that is new. */
  take(seen: Readings, trigger: Trigger): void {
    const asked = trigger === 'SIGHUP';
    if (asked) this.#broken.clear();
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
    const { parse, read } = this.#options;
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
    let sections: readonly string[] = [];
    try {
      const config = parse(own.text);
      const changes = changesBetween(before.config, config);
      sections = changes.sections;
      if (changes.needRestart.length > 0) {
        const problems = changes.needRestart.map(path => `needs a restart: ${path}`);
        return this.#refuse(trigger, 'needsRestart', problems, sections);
      }
      this.#inForce = this.#make(own.text, config, name => {
        const reading = seen.get(name) ?? readingOf(name, read);
        tried.set(name, reading);
        if ('problem' in reading) throw new Error(reading.problem);
        return reading.text;
      });
      tried.clear();
    } catch (error) {
      const problems = error instanceof ConfigError ? error.message.split('\n') : [messageOf(error)];
      return this.#refuse(trigger, 'refused', problems, sections);
    }
    this.#refusal = undefined;
    this.#broken.clear();
    const files = [...this.#inForce.texts].filter(([name, text]) => before.texts.get(name) !== text);
    this.#report(trigger, 'applied', { sections, files: files.map(([name]) => name), before: before.text });
    return true;
  }

  #takeFiles(seen: Readings, trigger: Trigger): boolean {
    const { texts: now, text, config } = this.#inForce;
    const changed = new Map<string, string>();
    const problems = new Map<string, string>();
    const mended: string[] = [];
    let fresh = false;
    for (const [name, inForce] of now) {
      const reading = seen.get(name);
      if (reading === undefined) continue;
      const known = this.#broken.get(name)?.reading;
      if ('text' in reading && reading.text === inForce) {
        if (this.#broken.delete(name)) mended.push(name);
        continue;
      }
      fresh ||= known === undefined || !isSame(known, reading);
      if ('text' in reading) changed.set(name, reading.text);
      else problems.set(name, reading.problem);
    }
    if (!fresh && mended.length === 0) return false;
    const make = (texts: Texts) =>
      this.#make(text, config, name => texts.get(name) ?? this.#options.read(name));
    const { made, taken, refused } = takeFiles(now, changed, make);
    if (made !== undefined) this.#inForce = made;
    for (const name of taken) this.#broken.delete(name);
    for (const [name, problem] of refused) problems.set(name, problem);
    const news = [...problems].filter(([name, problem]) => this.#broken.get(name)?.problem !== problem);
    for (const [name, problem] of problems) {
      this.#broken.set(name, { reading: seen.get(name) ?? { problem }, problem });
    }
    const files = [...taken, ...mended];
    if (files.length > 0) this.#report(trigger, 'applied', { files });
    if (news.length > 0) {
      const [names, words] = [news.map(([name]) => name), news.map(([, problem]) => problem)];
      this.#report(trigger, 'refused', { files: names, problems: words });
    }
    return files.length + news.length > 0;
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
      before,
      ...found
    }: Partial<Pick<ReloadReport, 'sections' | 'files' | 'problems'>> & { before?: string },
  ): void {
    const { text, made, config } = this.#inForce;
    const report: ReloadReport = {
      trigger,
      outcome,
      sha256Before: sha256Of(before ?? text),
      sha256: 'text' in this.#judged ? sha256Of(this.#judged.text) : undefined,
      sections: [],
      files: [],
      problems: [],
      ...found,
    };
    this.#options.reported(report, made, config);
  }

  #make(text: string, config: Config, read: (file: string) => string): InForce<Made> {
    const texts = new Map<string, string>();
    const made = this.#options.make(config, name => {
      const known = texts.get(name) ?? read(name);
      texts.set(name, known);
      return known;
    });
    return { text, config, made, texts };
  }
}

function readingOf(name: string, read: (file: string) => string): Reading {
  try {
    return { text: read(name) };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

/** Compared by content: it is all one how a file was replaced. */
function isSame(one: Reading, other: Reading): boolean {
  return 'text' in one
    ? 'text' in other && one.text === other.text
    : 'problem' in other && one.problem === other.problem;
}

function sha256Of(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

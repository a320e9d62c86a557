import type { ReadLine } from './chain.ts';
import { isTorn, NO_HASH, readLine, sha256 } from './chain.ts';

export interface Place {
  readonly file: string;
  /** From 1, within the file. */
  readonly number: number;
}

export type ProblemKind = 'changed' | 'missing' | 'reordered' | 'inserted';

export interface Problem extends Place {
  readonly kind: ProblemKind;
  readonly message: string;
}

export interface ChainReport {
  readonly replica: string;
  readonly records: number;
  readonly firstSeq: number;
  readonly firstPlace: Place;
  readonly lastSeq: number;
  /** Hash of the last record: keep it elsewhere, and a cut-off end shows too. */
  readonly head: string;
}

export interface VerifyReport {
  readonly problems: readonly Problem[];
  readonly chains: readonly ChainReport[];
  /** Lines that a crash left unfinished, each vouched for by the record after it. */
  readonly torn: readonly Place[];
}

/**
 * Follows the chains of an audit, line by line, and says which line was changed, is missing, stands elsewhere or was put
 * in. What a chain cannot know is whether its own end was cut off: compare `head` with one kept elsewhere.
 */
export class Verifier {
  readonly #heads: ReadonlySet<string>;
  readonly #archived: boolean;
  readonly #chains = new Map<string, Chain>();
  readonly #problems: Problem[] = [];
  readonly #torn: Place[] = [];
  #unread: (Place & { readonly text: string })[] = [];

  /** `heads`: hashes that must be in the audit. `archived`: chains may begin late, as their older files lie elsewhere. */
  constructor({ heads = [], archived = false }: { heads?: readonly string[]; archived?: boolean } = {}) {
    this.#heads = new Set(heads);
    this.#archived = archived;
  }

  line(text: string, place: Place): void {
    const read = readLine(text);
    if (read === undefined) {
      this.#unread.push({ ...place, text });
      return;
    }
    this.#settleUnread(read.record.tornBefore);
    const { replica } = read.record;
    let chain = this.#chains.get(replica);
    if (chain === undefined) {
      chain = new Chain(replica, this.#heads, this.#say);
      this.#chains.set(replica, chain);
    }
    chain.next(read, place);
  }

  /** Once, after the last line. */
  finish(): VerifyReport {
    // The very last line may be one that is being written just now.
    const unfinished = this.#unread.every(({ text }) => isTorn(text));
    this.#settleUnread(unfinished ? tornHash(this.#unread) : undefined);
    const chains = [...this.#chains.values()];
    for (const chain of chains) {
      const { firstSeq, firstPlace } = chain.report();
      if (firstSeq > 1 && !this.#archived) this.#say(firstPlace, 'missing', missing(1, firstSeq - 1));
      chain.finish();
    }
    for (const head of this.#heads) {
      if (!chains.some(chain => chain.found.has(head))) {
        this.#say({ file: '', number: 0 }, 'missing', `no record has the hash ${head}`);
      }
    }
    return { problems: this.#problems, chains: chains.map(chain => chain.report()), torn: this.#torn };
  }

  readonly #say = (place: Place, kind: ProblemKind, message: string): void => {
    this.#problems.push({ ...place, kind, message });
  };

  #settleUnread(vouched: string | undefined): void {
    if (this.#unread.length === 0) return;
    const known = vouched !== undefined && tornHash(this.#unread) === vouched;
    for (const { file, number } of this.#unread) {
      if (known) this.#torn.push({ file, number });
      else {
        this.#say(
          { file, number },
          'inserted',
          'it is no audit record; if it was one, its number is missing too',
        );
      }
    }
    this.#unread = [];
  }
}

function tornHash(lines: readonly { readonly text: string }[]): string {
  return sha256(lines.map(({ text }) => text).join('\n'));
}

interface Seen {
  readonly seq: number;
  readonly hash: string;
  readonly place: Place;
}

/** One chain as far as it was read. What it keeps grows with what is wrong, not with the audit. */
class Chain {
  readonly #replica: string;
  readonly #heads: ReadonlySet<string>;
  readonly #found = new Set<string>();
  readonly #say: (place: Place, kind: ProblemKind, message: string) => void;
  /** Records that were skipped and have not come later, and where that was noticed. */
  readonly #skipped: { from: number; to: number; readonly place: Place }[] = [];
  #records = 0;
  #first: Seen | undefined;
  #last: Seen | undefined;
  /** Another record with the number of the last one: the next record tells which of the two it follows. */
  #rival: Seen | undefined;

  constructor(
    replica: string,
    heads: ReadonlySet<string>,
    say: (place: Place, kind: ProblemKind, message: string) => void,
  ) {
    this.#replica = replica;
    this.#heads = heads;
    this.#say = say;
  }

  next({ record, intact }: ReadLine, place: Place): void {
    const { seq, hash, prevHash } = record;
    const seen = { seq, hash, place };
    this.#records++;
    if (this.#heads.has(hash)) this.#found.add(hash);
    if (!intact) this.#say(place, 'changed', `record ${seq} is not what its own hash says`);
    const last = this.#last;
    this.#first ??= seen;
    if (last === undefined) this.#begin(seen, prevHash);
    else if (seq === last.seq + 1) this.#follow(last, seen, prevHash);
    else if (seq > last.seq) {
      this.#settleRival();
      this.#skipped.push({ from: last.seq + 1, to: seq - 1, place });
      this.#last = seen;
    } else if (this.#unskip(seq))
      this.#say(place, 'reordered', `record ${seq} stands after record ${last.seq}`);
    else if (seq === last.seq && hash !== last.hash && this.#rival === undefined) this.#rival = seen;
    else this.#say(place, 'inserted', `record ${seq} stands in the audit already`);
  }

  finish(): void {
    this.#settleRival();
    for (const { from, to, place } of this.#skipped) this.#say(place, 'missing', missing(from, to));
  }

  report(): ChainReport {
    return {
      replica: this.#replica,
      records: this.#records,
      firstSeq: this.#first?.seq ?? 0,
      firstPlace: this.#first?.place ?? { file: '', number: 0 },
      lastSeq: this.#last?.seq ?? 0,
      head: this.#last?.hash ?? NO_HASH,
    };
  }

  get found(): ReadonlySet<string> {
    return this.#found;
  }

  #begin(seen: Seen, prevHash: string): void {
    if (seen.seq === 1 && prevHash !== NO_HASH) {
      this.#say(seen.place, 'changed', 'record 1 names a record before it');
    }
    this.#last = seen;
  }

  #follow(last: Seen, seen: Seen, prevHash: string): void {
    const rival = this.#rival;
    this.#rival = undefined;
    this.#last = seen;
    if (prevHash === last.hash) {
      if (rival !== undefined) this.#sayRival(rival);
    } else if (prevHash === rival?.hash) this.#sayRival(last);
    else {
      const message = `record ${last.seq} is not the one that record ${seen.seq} follows: it was replaced`;
      this.#say(last.place, 'changed', message);
      if (rival !== undefined) this.#sayRival(rival);
    }
  }

  #settleRival(): void {
    if (this.#rival !== undefined) this.#sayRival(this.#rival);
    this.#rival = undefined;
  }

  #sayRival({ place, seq }: Seen): void {
    this.#say(place, 'inserted', `there is another record ${seq}, and the chain goes through that one`);
  }

  /** Whether that record was missed until now; then it no longer is. */
  #unskip(seq: number): boolean {
    const at = this.#skipped.findIndex(({ from, to }) => from <= seq && seq <= to);
    const range = this.#skipped[at];
    if (range === undefined) return false;
    const { from, to, place } = range;
    const rest = [
      { from, to: seq - 1, place },
      { from: seq + 1, to, place },
    ].filter(part => part.from <= part.to);
    this.#skipped.splice(at, 1, ...rest);
    return true;
  }
}

function missing(from: number, to: number): string {
  return from === to
    ? `record ${from} is missing before this one`
    : `records ${from} to ${to} are missing before this one`;
}

/**
 * What is under way, in no order. A Set would do, but for the garbage collector: each time that V8 makes a Set's table
 * anew, the old one goes on pointing at what was in it, and at the new one. Once such a table is old, every request that
 * was under way at such a moment becomes old with it, and is freed only by the slow collection (docs/performance.md).
 */
export class LiveList<Item> implements Iterable<Item> {
  readonly #entries: Entry<Item>[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** What is given back takes it out again, once. */
  add(item: Item): () => void {
    const entry: Entry<Item> = { item, at: this.#entries.length };
    this.#entries.push(entry);
    return () => this.#remove(entry);
  }

  /** The items of the moment: the list may change meanwhile. */
  [Symbol.iterator](): Iterator<Item> {
    return this.#entries.map(({ item }) => item).values();
  }

  /** The last one takes its place. */
  #remove(entry: Entry<Item>): void {
    const { at } = entry;
    if (this.#entries[at] !== entry) return;
    const last = this.#entries.pop();
    if (last === undefined || last === entry) return;
    last.at = at;
    this.#entries[at] = last;
  }
}

interface Entry<Item> {
  readonly item: Item;
  at: number;
}

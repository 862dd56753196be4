/** The best extensions of paths in a beam search: (distance, parent, token) -> the M smallest distances, in order. */

/** Keeps so many extensions as it has room for, smallest distance first; on equal distance those offered earlier. */
export class BestPaths {
  /** The path that each extends. */
  readonly parents: Uint16Array;
  readonly tokens: Uint16Array;
  readonly #distances: Float64Array;
  #capacity = 0;
  #count = 0;

  constructor(maxCapacity: number) {
    this.parents = new Uint16Array(maxCapacity);
    this.tokens = new Uint16Array(maxCapacity);
    this.#distances = new Float64Array(maxCapacity);
  }

  /** Extensions kept. */
  get count(): number {
    return this.#count;
  }

  /** What an extension must stay below to be kept; infinite while there is room. */
  get limit(): number {
    return this.#count < this.#capacity ? Number.POSITIVE_INFINITY : this.#distances[this.#count - 1];
  }

  /** Forgets all, and makes room for `capacity` extensions, at most what the constructor said. */
  clear(capacity: number): void {
    this.#capacity = capacity;
    this.#count = 0;
  }

  /** Keeps an extension if it is among the best so far. */
  offer(distance: number, parent: number, token: number): void {
    const isFull = this.#count === this.#capacity;
    // Distances can be infinite: while there is room, nothing is compared.
    if (isFull && !(distance < this.limit)) return;
    let at = isFull ? this.#count - 1 : this.#count++;
    for (; at > 0 && distance < this.#distances[at - 1]; at--) {
      this.#distances[at] = this.#distances[at - 1];
      this.parents[at] = this.parents[at - 1];
      this.tokens[at] = this.tokens[at - 1];
    }
    this.#distances[at] = distance;
    this.parents[at] = parent;
    this.tokens[at] = token;
  }
}

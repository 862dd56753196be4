/** Samples that wait until they make whole frames. */

/** First in, first out, over chunks of any size. */
export class SampleQueue {
  #samples = new Float32Array(0);
  #begin = 0;
  #end = 0;

  /** Samples waiting. */
  get length(): number {
    return this.#end - this.#begin;
  }

  /** Appends a copy of `chunk`. */
  push(chunk: Float32Array): void {
    if (this.#end + chunk.length > this.#samples.length) this.#makeRoom(chunk.length);
    this.#samples.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** Takes the oldest `count` samples out, filled up with zeros when fewer wait. */
  take(count: number): Float32Array {
    const taken = new Float32Array(count);
    const available = Math.min(count, this.length);
    taken.set(this.#samples.subarray(this.#begin, this.#begin + available));
    this.#begin += available;
    return taken;
  }

  /** Moves what waits to the front, into a larger buffer if it must be: only here, so that many takes stay cheap. */
  #makeRoom(count: number): void {
    const waiting = this.#samples.subarray(this.#begin, this.#end);
    const needed = waiting.length + count;
    const buffer = needed > this.#samples.length / 2 ? new Float32Array(2 * needed) : this.#samples;
    buffer.set(waiting);
    this.#samples = buffer;
    this.#begin = 0;
    this.#end = waiting.length;
  }
}

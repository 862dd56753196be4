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
    taken.set(this.peek(count));
    this.drop(count);
    return taken;
  }

  /** A copy of the oldest `count` samples, or of all when fewer wait. */
  peek(count: number): Float32Array {
    return this.#samples.slice(this.#begin, Math.min(this.#end, this.#begin + count));
  }

  /** Forgets the oldest `count` samples, or all when fewer wait. */
  drop(count: number): void {
    this.#begin = Math.min(this.#end, this.#begin + count);
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

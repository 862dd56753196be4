/** The queue of samples by itself, against a plain array. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SampleQueue } from "../../../src/streaming/sample-queue";

/** `count` numbers in a row, from `first` on. */
function ramp(first: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => first + index);
}

describe("a SampleQueue", () => {
  it("gives samples in the order they came, over chunks and takes of any size", () => {
    const size = fc.nat({ max: 50 });
    fc.assert(
      fc.property(fc.array(fc.tuple(size, size)), (steps) => {
        const queue = new SampleQueue();
        const waiting: number[] = [];
        let next = 1;
        for (const [pushed, taken] of steps) {
          queue.push(ramp(next, pushed));
          waiting.push(...ramp(next, pushed));
          next += pushed;
          const count = Math.min(taken, waiting.length);
          expect([...queue.take(count)]).toEqual(waiting.splice(0, count));
          expect(queue.length).toBe(waiting.length);
        }
      }),
    );
  });

  it("fills up with zeros what it does not have, and is empty then", () => {
    const queue = new SampleQueue();
    queue.push(ramp(1, 2));
    expect([...queue.take(4)]).toEqual([1, 2, 0, 0]);
    expect(queue.length).toBe(0);
    expect([...queue.take(2)]).toEqual([0, 0]);
    queue.push(ramp(5, 1));
    expect([...queue.take(1)]).toEqual([5]);
  });

  it("copies what comes in and what goes out", () => {
    const queue = new SampleQueue();
    const chunk = ramp(1, 3);
    queue.push(chunk);
    chunk.fill(9);
    const taken = queue.take(2);
    expect([...taken]).toEqual([1, 2]);
    taken.fill(9);
    queue.push(ramp(4, 1));
    expect([...queue.take(2)]).toEqual([3, 4]);
  });

  it("copies in proportion to what goes through, however long that lasts", () => {
    // Moving the waiting samples on every push would copy 5000 for each 160: 8 times the limit below.
    const numCopied = (numChunks: number): number => {
      let copied = 0;
      const set = Float32Array.prototype.set;
      Float32Array.prototype.set = function counting(this: Float32Array, source, offset) {
        copied += source.length;
        set.call(this, source, offset);
      };
      try {
        const queue = new SampleQueue();
        const chunk = new Float32Array(160);
        queue.push(new Float32Array(5000));
        for (let index = 0; index < numChunks; index++) {
          queue.push(chunk);
          queue.take(160);
        }
      } finally {
        Float32Array.prototype.set = set;
      }
      return copied;
    };
    const [short, long] = [numCopied(100), numCopied(6000)];
    expect(long).toBeLessThan(70 * short);
    // Each sample goes in and out, and now and then moves with the 5000 that wait.
    expect(long).toBeLessThan(6000 * 160 * 4);
  });
});

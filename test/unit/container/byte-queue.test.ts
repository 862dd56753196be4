import { describe, expect, it } from "vitest";
import { ByteQueue } from "../../../src/container/byte-queue";

describe("ByteQueue", () => {
  it("keeps the order and the place in the file over pushes and drops", () => {
    const queue = new ByteQueue(100);
    const taken: number[] = [];
    let next = 0;
    for (let round = 0; round < 2000; round++) {
      const chunk = Uint8Array.from({ length: round % 7 }, () => next++ & 0xff);
      queue.push(chunk);
      const count = Math.min(queue.length, round % 5);
      taken.push(...queue.peek(count));
      queue.drop(count);
      expect(queue.offset).toBe(100 + taken.length);
      if (queue.length > 0) expect(queue.view.getUint8(0)).toBe(taken.length & 0xff);
    }
    taken.push(...queue.peek());
    expect(taken).toEqual(Array.from({ length: next }, (_, index) => index & 0xff));
  });

  it("does not copy what comes into an empty queue, and never writes into it", () => {
    const chunk = Uint8Array.of(1, 2, 3);
    const queue = new ByteQueue(0);
    queue.push(chunk);
    expect(queue.peek().buffer).toBe(chunk.buffer);
    queue.drop(2);
    queue.push(Uint8Array.of(4, 5));
    expect([...queue.peek()]).toEqual([3, 4, 5]);
    expect([...chunk]).toEqual([1, 2, 3]);
  });

  it("finds a byte", () => {
    const queue = new ByteQueue(0);
    queue.push(Uint8Array.of(9, 7, 8, 7));
    queue.drop(1);
    expect(queue.indexOf(7, 0)).toBe(0);
    expect(queue.indexOf(7, 1)).toBe(2);
    expect(queue.indexOf(9, 0)).toBe(3);
  });
});

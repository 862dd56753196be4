import { describe, expect, it } from "vitest";
import { FrameWindows, WindowedStream, type WindowSizes } from "../../../src/vocoder/frame-windows";

const sizes: WindowSizes = { featureDim: 2, back: 3, ahead: 2, minFrames: 4, maxFrames: 10 };

/** Frames whose two values tell their number. */
function frames(first: number, count: number): Float32Array {
  return Float32Array.from({ length: 2 * count }, (_, index) => first + Math.floor(index / 2));
}

/** Sums each value with those `back` frames before and `ahead` frames after it: what windows must not change. */
async function movingSum(features: Float32Array): Promise<Float32Array> {
  return features.map((_, at) => {
    let sum = 0;
    for (let shift = -3; shift <= 2; shift++) sum += features[at + 2 * shift] ?? 0;
    return sum;
  });
}

describe("FrameWindows", () => {
  it("waits for what cores look at, and for enough frames to be worth it", () => {
    const windows = new FrameWindows(sizes);
    expect(windows.push(frames(0, 5))).toEqual([]);
    expect(windows.push(frames(5, 1))).toEqual([{ features: frames(0, 6), numBefore: 0, numFrames: 4 }]);
    // Three frames of context, and the two that were looked at.
    expect(windows.flush()).toEqual([{ features: frames(1, 5), numBefore: 3, numFrames: 2 }]);
    expect(windows.flush()).toEqual([]);
  });

  it("cuts long pushes into equal cores of no more than the most", () => {
    const windows = new FrameWindows(sizes);
    const cut = [...windows.push(frames(0, 23)), ...windows.flush()];
    expect(cut.map(({ numBefore, numFrames }) => [numBefore, numFrames])).toEqual([
      [0, 7],
      [3, 7],
      [3, 7],
      [3, 2],
    ]);
    expect(cut[1]?.features).toEqual(frames(4, 12));
  });

  it("gives nothing for no frames", () => {
    const windows = new FrameWindows(sizes);
    expect([...windows.push(new Float32Array(0)), ...windows.flush()]).toEqual([]);
  });
});

describe("WindowedStream", () => {
  const signal = Float32Array.from({ length: 2 * 57 }, (_, index) => Math.fround(Math.sin(index)));

  it.each([1, 2, 9, 57])("gives the whole signal's results in chunks of %i frames", async (count) => {
    const stream = new WindowedStream(sizes, movingSum);
    const results: number[] = [];
    for (let at = 0; at < signal.length; at += 2 * count)
      results.push(...(await stream.push(signal.slice(at, at + 2 * count))));
    results.push(...(await stream.flush()));
    expect(Float32Array.from(results)).toEqual(await movingSum(signal));
  });

  it("notices context that is too short", async () => {
    const stream = new WindowedStream({ ...sizes, back: 2 }, movingSum);
    const results = [...(await stream.push(signal)), ...(await stream.flush())];
    expect(Float32Array.from(results)).not.toEqual(await movingSum(signal));
  });

  it("never runs more frames than a window's", async () => {
    let most = 0;
    const stream = new WindowedStream(sizes, async (features) => {
      most = Math.max(most, features.length / 2);
      return features;
    });
    await stream.push(new Float32Array(2 * 1000));
    await stream.flush();
    expect(most).toBe(3 + 10 + 2);
  });

  it("stops between two windows", async () => {
    const controller = new AbortController();
    const stream = new WindowedStream(
      sizes,
      async (features) => {
        controller.abort(new Error("enough"));
        return features;
      },
      controller.signal,
    );
    await expect(stream.push(new Float32Array(2 * 100))).rejects.toThrow("enough");
  });
});

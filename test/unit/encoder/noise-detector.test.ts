import { describe, expect, it } from "vitest";
import { Codec } from "../../../src/codec";
import { type NoiseDetector, noiseFrames } from "../../../src/encoder/noise-detector";
import type { CodecStages } from "../../../src/pipeline";
import { toyHop, toyRounded, toyStages } from "../../helpers/toy-codec";

/** Takes frames that are as the one before for noise. */
function repetitionDetector(): NoiseDetector {
  let previous: number[] | undefined;
  return {
    push(samples) {
      const isSame = previous?.every((sample, at) => sample === samples[at]) ?? false;
      previous = [...samples];
      return isSame;
    },
  };
}

function stagesWithDetector(frameCounts: number[] = []): CodecStages {
  return { ...toyStages(frameCounts), openNoiseDetector: repetitionDetector };
}

/** Frames of one value each. */
function samplesOf(values: readonly number[]): Float32Array {
  return Float32Array.from(values.flatMap((value) => new Array<number>(toyHop).fill(value)));
}

const values = [0.1, 0.2, 0.2, 0.2, 0.3, 0.3, 0.4];
const expectedMarks = [0, 0, 1, 1, 0, 1, 0];
const audio = { channels: [samplesOf(values)], sampleRate: 8000 };

describe("encoding with dtx", () => {
  it("marks the frames of noise, whose codes are 0, and spares the encoder them", async () => {
    const frameCounts: number[] = [];
    const codec = new Codec(stagesWithDetector(frameCounts));
    const tokens = await codec.encode(audio, { dtx: true });
    const all = await codec.encode(audio);
    expect([...(tokens.lostFrames ?? [])]).toEqual(expectedMarks);
    expect(all.lostFrames).toBeUndefined();
    const expectedCodes = all.codes.map((code, at) => (expectedMarks[Math.floor(at / toyHop)] === 1 ? 0 : code));
    expect(tokens.codes).toEqual(expectedCodes);
    expect(tokens.numSamples).toBe(all.numSamples);
    // Four of the seven frames, then all of them.
    expect(frameCounts).toEqual([4, 7]);
    const decoded = (await codec.decode(tokens)).channels[0] ?? [];
    const sent = values.map((value, frame) => (expectedMarks[frame] === 1 ? 0 : value));
    expect([...decoded]).toEqual([...samplesOf(sent)].map(toyRounded));
  });

  it.each([1, 3, 4, 9])(
    "marks the same in chunks of %i samples, with marks only where there are some",
    async (size) => {
      const codec = new Codec(stagesWithDetector());
      const [samples = new Float32Array()] = audio.channels;
      const chunks = Array.from({ length: Math.ceil(samples.length / size) }, (_, index) => ({
        channels: [samples.subarray(index * size, (index + 1) * size)],
        sampleRate: 8000,
      }));
      const marks: number[] = [];
      for await (const piece of codec.encodeStream(chunks, { dtx: true })) {
        expect(piece.lostFrames?.includes(1) ?? true).toBe(true);
        marks.push(...(piece.lostFrames ?? new Uint8Array(piece.codes.length / toyHop)));
      }
      expect(marks).toEqual(expectedMarks);
    },
  );

  it("does so in each signal of a batch by itself", async () => {
    const codec = new Codec(stagesWithDetector());
    const [first, second] = await codec.encodeBatch([audio, audio], { dtx: true });
    expect([...(first?.lostFrames ?? [])]).toEqual(expectedMarks);
    expect(second).toEqual(first);
  });

  it("leaves out only what is noise in all channels", async () => {
    const codec = new Codec(stagesWithDetector());
    const other = samplesOf([0.5, 0.5, 0.5, 0.6, 0.6, 0.6, 0.6]);
    const stereo = { channels: [...audio.channels, other], sampleRate: 8000 };
    const tokens = await codec.encode(stereo, { dtx: true, channels: "separate" });
    expect([...(tokens.lostFrames ?? [])]).toEqual([0, 0, 1, 0, 0, 1, 0]);
    expect(noiseFrames([], [samplesOf(values)], values.length)).toEqual(new Uint8Array(values.length));
  });

  it("is refused where the decoder makes no noise, and of other types", async () => {
    const deaf = new Codec(toyStages());
    await expect(deaf.encode(audio, { dtx: true })).rejects.toThrow(RangeError);
    expect((await deaf.encode(audio, { dtx: false })).lostFrames).toBeUndefined();
    const codec = new Codec(stagesWithDetector());
    await expect(codec.encode(audio, { dtx: "yes" as never })).rejects.toThrow(TypeError);
  });
});
